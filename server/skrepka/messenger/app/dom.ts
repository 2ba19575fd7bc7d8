/** Making and changing what is seen, in a hundred lines: elements, lists that keep their rows, and nothing parsed as HTML. */

type Child = Node | string | undefined | false
type Properties = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>

/** An element. `on…` properties are listeners, `true` is an attribute without a value, `false` and undefined leave it out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function') element.addEventListener(key.slice(2), value)
    else element.setAttribute(key, value === true ? '' : String(value))
  }
  element.append(...shown(children))
  return element
}

function shown(children: readonly Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== undefined && child !== false)
}

/** Puts these children in the place of all that were there. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren(...shown(children))
}

const svgNamespace = 'http://www.w3.org/2000/svg'

/** A decorative picture of one path, 24 units wide. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(svgNamespace, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const shape = document.createElementNS(svgNamespace, 'path')
  shape.setAttribute('d', path)
  svg.append(shape)
  return svg
}

/** Brings the children of a list to `items`, in order; rows of items that stay are kept, with focus and scroll. */
export function reconcile<T>(
  parent: Element,
  items: readonly T[],
  row: { readonly key: (item: T) => string; readonly make: (item: T) => HTMLElement },
): void {
  const before = new Map<string, Element>()
  for (const child of parent.children) before.set(child.getAttribute('data-key') ?? '', child)
  let at: Element | null = parent.firstElementChild
  for (const item of items) {
    const key = row.key(item)
    let element = before.get(key)
    before.delete(key)
    if (element === undefined) {
      element = row.make(item)
      element.setAttribute('data-key', key)
    }
    if (element === at) at = at.nextElementSibling
    else parent.insertBefore(element, at)
  }
  for (const gone of before.values()) gone.remove()
}

/** Text in a live region: screen readers say it. */
export function say(text: string): void {
  const region = document.querySelector('#said')
  if (region !== null) region.textContent = text
}

/** A form's submit that does its work without leaving the page, with its button held meanwhile. */
export function onSubmit(work: (form: HTMLFormElement) => Promise<void>): (event: Event) => void {
  return event => {
    event.preventDefault()
    const form = event.currentTarget
    if (!(form instanceof HTMLFormElement)) return
    const buttons = [...form.querySelectorAll('button')]
    for (const button of buttons) button.disabled = true
    void work(form).finally(() => {
      for (const button of buttons) button.disabled = false
    })
  }
}

/** What was typed into a field of a form. */
export function typed(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name)
  return typeof value === 'string' ? value : ''
}
