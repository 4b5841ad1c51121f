// Keys that a page names in `data-key`, and the one that leads to its search.
import { all } from './select.js'

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  if (event.target.closest?.('input, textarea, select, dialog, [contenteditable]')) return
  if (event.key === '/') {
    const jump = document.getElementById('jump')
    if (jump === null || jump.offsetParent === null) return
    event.preventDefault()
    jump.focus()
    jump.select()
    return
  }
  const target = all('[data-key]').find(({ dataset }) => dataset.key === event.key.toLowerCase())
  if (target !== undefined) {
    event.preventDefault()
    target.click()
  }
})
