import { all } from './select.js'

// What a filter does not ask for need not stand in the address.
document.addEventListener('formdata', (event) => {
  if (event.target.method !== 'get') return
  for (const [name, value] of [...event.formData]) if (value === '') event.formData.delete(name)
})

// A form is sent once, however often its button is pressed.
document.addEventListener('submit', (event) => {
  if (event.defaultPrevented || event.target.method !== 'post') return
  if (event.target.dataset.sent !== undefined) return event.preventDefault()
  event.target.dataset.sent = ''
})
window.addEventListener('pageshow', () => {
  for (const form of all('form[data-sent]')) delete form.dataset.sent
})
