// Keys that a page names in `data-key`.
import { all, isShown } from './select.js'

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  if (event.target.closest?.('input, textarea, select, dialog, [contenteditable]')) return
  // Only what says so itself has a key: for who turned them off, nothing does.
  const target = all('[data-key]').find(({ dataset }) => dataset.key === event.key.toLowerCase())
  if (target === undefined || !isShown(target)) return
  event.preventDefault()
  if (target.matches('input')) {
    target.focus()
    target.select()
  } else target.click()
})
