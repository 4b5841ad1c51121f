import { all } from './select.js'

// Where menus scroll sideways, the place one is at is in sight.
for (const here of all('.tabs [aria-current], .track-menu [aria-current]')) {
  const menu = here.closest('.tabs, .track-menu')
  const beyond = here.getBoundingClientRect().right - menu.getBoundingClientRect().right
  if (beyond > 0) menu.scrollLeft = beyond + 48
}
