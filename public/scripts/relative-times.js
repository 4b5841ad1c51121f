import { all } from './select.js'
import { spanText } from './words.js'

const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })
/** Says anew how long ago each moment of the page was. */
export const freshen = () => {
  for (const time of all('time[data-relative]')) {
    const then = new Date(time.dateTime)
    const seconds = Math.round((Date.now() - then) / 1000)
    time.title = exact.format(then)
    if (seconds < 5) time.textContent = 'now'
    else if (seconds < 86400) time.textContent = `${spanText(seconds)} ago`
  }
}
freshen()
setInterval(() => document.hidden || freshen(), 1000)
window.htmx?.on('htmx:after:swap', () => freshen())
