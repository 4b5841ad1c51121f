// The drawing of a flow, which follows the states that a live region tells.
import { all, isShown } from './select.js'

const setTo = (element, name, value) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}
const sayIn = (element, text) => {
  if (element !== null && element.textContent !== text) element.textContent = text
}
const still = { state: 'flows', role: 'none', mark: 'none', word: '', title: '' }

/** Writes the states into the drawing that stands there: attributes and short texts, never another drawing. */
export function showStates() {
  const told = document.querySelector('[data-flow-states]')
  const frame = document.querySelector('[data-flow-drawing]')
  if (told === null || frame === null) return
  const { hash, parts } = JSON.parse(told.dataset.flowStates)
  if (frame.dataset.hash !== hash) return void drawAnew(frame, hash)
  for (const part of all('[data-part]', frame)) {
    const now = parts[part.dataset.part] ?? still
    setTo(part, 'data-state', now.state)
    setTo(part, 'data-role', now.role)
    part.toggleAttribute('data-probable', now.probable === true)
    const mark = part.querySelector('.flow__mark')
    if (mark !== null) setTo(mark, 'href', `#${part.closest('svg').dataset.marks}-${now.mark}`)
    sayIn(part.querySelector('.flow__word'), now.word)
    sayIn(part.querySelector('title'), now.title)
  }
  // The drawing for phones and that for screens are both there, one of them hidden.
  leadTo(frame, all('.flow__process[data-state=failed][data-role=root]', frame).find(isShown) ?? null)
}

/** A drawing wider than its place is moved to the failed box, once each time that another fails. */
const leadTo = (frame, root) => {
  const part = root?.dataset.part ?? ''
  if (frame.dataset.ledTo === part) return
  frame.dataset.ledTo = part
  if (root === null) return
  const [place, box] = [frame.getBoundingClientRect(), root.getBoundingClientRect()]
  if (box.left >= place.left && box.right <= place.right) return
  frame.scrollLeft += box.left - place.left - (place.width - box.width) / 2
}

/** The configuration changed: only then another drawing is fetched. */
const drawAnew = async (frame, hash) => {
  frame.dataset.hash = hash
  try {
    const answer = await fetch(frame.dataset.flowDrawing, { headers: { Accept: 'text/html' } })
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status))
    frame.innerHTML = await answer.text()
    showStates()
  } catch {
    // The next change tries again.
    frame.dataset.hash = ''
  }
}
