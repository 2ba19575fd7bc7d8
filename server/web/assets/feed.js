// Shows events of the firehose as they arrive. The list says where from: data-feed="/live" or "/live?did=…".
const itemsMax = 50

/** One event as a list item; every text is set as text. */
function render(event) {
  const item = document.createElement('li')
  item.className = 'fresh'
  const head = document.createElement('div')
  head.className = 'what'
  const title = document.createElement('strong')
  title.textContent = event.title
  const seq = document.createElement('span')
  seq.className = 'seq'
  seq.textContent = `#${event.seq}`
  head.append(title, seq)
  item.append(head)
  if (event.text) {
    const text = document.createElement('span')
    text.className = 'text'
    text.textContent = event.text
    item.append(text)
  }
  if (event.detail) {
    const detail = document.createElement('span')
    detail.className = 'text soft small'
    detail.textContent = event.detail
    item.append(detail)
  }
  return item
}

for (const feed of document.querySelectorAll('[data-feed]')) {
  const state = document.querySelector(`[data-feed-state="${feed.id}"]`)
  const source = new EventSource(feed.dataset.feed)
  source.addEventListener('open', () => {
    if (state) state.textContent = 'live'
    feed.setAttribute('data-live', '')
  })
  source.addEventListener('error', () => {
    if (state) state.textContent = 'connecting again …'
  })
  source.addEventListener('message', message => {
    feed.querySelector('.empty')?.remove()
    feed.prepend(render(JSON.parse(message.data)))
    while (feed.children.length > itemsMax) feed.lastElementChild?.remove()
  })
}
