// Sends the first post without leaving the page; the event arrives in the list beside it.
const form = document.querySelector('[data-post]')
const note = document.querySelector('[data-post-note]')

form?.addEventListener('submit', async event => {
  event.preventDefault()
  const button = form.querySelector('button')
  const field = form.querySelector('textarea')
  button.disabled = true
  try {
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams(new FormData(form)),
    })
    const body = await answer.json()
    if (!answer.ok) throw new Error(body.message)
    field.value = ''
    note.className = 'hint good'
    note.textContent = `Stored and signed: ${body.uri}`
  } catch (fault) {
    note.className = 'hint bad'
    note.textContent = `That did not work: ${fault.message}. Your text is still here.`
  } finally {
    button.disabled = false
    field.focus()
  }
})
