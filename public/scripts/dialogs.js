// Browsers that do not know `command` yet.
if (!('commandForElement' in HTMLButtonElement.prototype)) {
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('button[commandfor]')
    const dialog = button && document.getElementById(button.getAttribute('commandfor'))
    if (!dialog) return
    if (button.getAttribute('command') === 'show-modal') dialog.showModal()
    else dialog.close()
  })
}

// A link to a page that asks before something is lost: here the page's own dialog asks.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-dialog]')
  const dialog = link && document.getElementById(link.dataset.dialog)
  if (!dialog?.showModal) return
  event.preventDefault()
  dialog.showModal()
})
