// Buttons that copy what they name.
if (navigator.clipboard !== undefined) {
  document.addEventListener('click', async (event) => {
    const button = event.target.closest?.('button[data-copy]')
    if (!button) return
    try {
      await navigator.clipboard.writeText(button.dataset.copy)
      button.textContent = 'Copied'
    } catch {
      button.textContent = 'Not allowed'
    }
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
}
