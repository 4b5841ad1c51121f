import { all } from './select.js'

/** Says in the page's head how new it is. */
export const lampTo = (state, text) => {
  for (const lamp of all('[data-lamp]')) {
    lamp.dataset.state = state
    if (lamp.textContent !== text) lamp.textContent = text
  }
}
