// Says whether a handle is free while it is being typed.
const form = document.querySelector('[data-handle]')
const name = form?.querySelector('[name="name"]')
const domain = form?.querySelector('[name="domain"]')
const hint = form?.querySelector('[data-handle-hint]')
const waitMs = 250
let timer
let asked = 0

async function check() {
  const label = name.value.trim().toLowerCase()
  if (label === '') return
  const mine = ++asked
  const handle = `${label}.${domain.value}`
  try {
    const answer = await fetch(`/pds/auth/available?handle=${encodeURIComponent(handle)}`)
    const body = await answer.json()
    if (mine !== asked) return
    hint.className = body.available ? 'hint good' : 'hint bad'
    hint.textContent = body.available ? `@${handle} is free.` : (body.message ?? `@${handle} cannot be had.`)
  } catch {
    if (mine === asked) hint.textContent = ''
  }
}

for (const field of [name, domain]) {
  field?.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(check, waitMs)
  })
}
if (name?.value) check()
