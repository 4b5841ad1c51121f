// Parts of a page that ask by themselves, by htmx, and what nobody answered.
import { forgetNoAnswer, isOurs, sayNoAnswer } from './answers.js'
import { markHeard, markLost } from './heard.js'
import { lampTo } from './lamp.js'

const { htmx } = window
const isPoll = (ctx) => ctx?.sourceEvent?.type === 'every'
/** Where a stream is followed, the lamp is the stream's. */
const isFollowed = () => document.querySelector('[data-live]') !== null

const asking = '[hx-trigger^="every "]'
const hasAsked = document.querySelector(asking) !== null

function showPolling() {
  if (!hasAsked || isFollowed()) return
  const every = document.querySelector(asking)?.getAttribute('hx-trigger').match(/\d+/)
  if (every) lampTo('polling', `Asking every ${every[0]} s`)
  else lampTo('live', 'Up to date')
}

/** A part asked by itself in vain. */
function unanswered(part) {
  if (!isFollowed()) lampTo('lost', 'No connection; trying again')
  markLost(part)
}

// A hidden tab does not poll.
htmx?.on('htmx:config:request', (event) => {
  if (document.hidden && isPoll(event.detail.ctx)) event.preventDefault()
})
// What a page asked by itself and was refused is said by the lamp: a notice every two seconds would fill the page.
htmx?.on('htmx:before:swap', (event) => {
  const { ctx } = event.detail
  if (isPoll(ctx) && ctx.response?.status >= 400) event.preventDefault()
})
htmx?.on('htmx:before:response', (event) => {
  const { ctx } = event.detail
  if (!isPoll(ctx) || isOurs(ctx.response.headers)) return
  event.preventDefault()
  unanswered(ctx.target)
})
htmx?.on('htmx:response:error', ({ detail: { ctx } }) => isPoll(ctx) && unanswered(ctx.target))
htmx?.on('htmx:error', ({ detail: { ctx } }) => {
  if (ctx === undefined) return
  if (isPoll(ctx)) unanswered(ctx.target)
  else sayNoAnswer()
})
htmx?.on('htmx:after:swap', ({ detail: { ctx } }) => {
  forgetNoAnswer()
  if (isPoll(ctx)) markHeard(ctx.target)
  showPolling()
})
showPolling()
