// What htmx 4.0.1 does otherwise than a browser would.
const { htmx } = window
// It swallows clicks with a modifier key: let the browser open the new tab.
window.addEventListener(
  'click',
  (event) => {
    if ((event.ctrlKey || event.metaKey || event.shiftKey) && event.target.closest?.('a[href]'))
      event.stopPropagation()
  },
  true,
)
// An error answer must not change the address; a boosted link that fails becomes a normal page load.
htmx?.on('htmx:before:history:update', (event) => {
  if (event.detail.response?.status >= 400) event.preventDefault()
})
htmx?.on('htmx:response:error', (event) => {
  const { headers, method, action } = event.detail.ctx.request
  if (headers['HX-Boosted'] && method === 'GET') location.href = action
})
