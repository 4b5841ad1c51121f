// The one part of a page that the server tells of news.
import { isOurs } from './answers.js'
import { showStates } from './flow-drawing.js'
import { markHeard, markLost, oldAfter } from './heard.js'
import { lampTo } from './lamp.js'
import { prepend } from './live-tail.js'
import { freshen } from './relative-times.js'

const { htmx } = window
/** Beats come every 10 s, or as often as the region says. */
const usualBeat = 10_000
const pollEvery = 2000

/** Follows one region: a stream while it works, its plain address every two seconds while it does not. */
const follow = (region) => {
  const isTail = region.dataset.tail !== undefined
  const gone = new AbortController()
  let paused = false
  // Some networks let no stream through: then the reader says how often to ask.
  const noStream = region.dataset.every !== undefined
  const askEvery = noStream ? region.dataset.every * 1000 : pollEvery
  const beatEvery = region.dataset.beat === undefined ? usualBeat : region.dataset.beat * 1000
  const silenceAfter = 2.5 * beatEvery
  /** Whether silence alone says, within the time after which it is old, that nobody is there. */
  const isWatched = !noStream && silenceAfter < oldAfter
  /** A tail goes on from the last row it has. */
  const addressOf = (path) => {
    const address = new URL(path, location.href)
    if (isTail) address.searchParams.set('after', region.dataset.tail)
    return address
  }
  let stream = null
  let watchdog = 0
  let ageTimer = 0
  let pollTimer = 0
  let retryTimer = 0
  let retryAfter = 1000
  let over = false
  let polling = null
  let spoken = region.querySelector('[data-announce]')?.textContent

  const show = (text) => {
    if (isTail) prepend(region, text)
    else if (htmx === undefined) region.innerHTML = text
    else htmx.swap({ sourceElement: region, target: region, text, swap: 'innerMorph' })
    // The swap ends in a microtask or two; times and the milestone are read after it.
    setTimeout(() => {
      freshen()
      showStates()
      const now = region.querySelector('[data-announce]')?.textContent
      const announcer = document.getElementById('announcer')
      if (announcer !== null && now !== undefined && now !== spoken) announcer.textContent = now
      spoken = now
    }, 50)
  }

  /** Whatever is still being tried: without a word for so long, what stands here is old. */
  const watchAge = () => {
    clearTimeout(ageTimer)
    if (!isWatched) return
    ageTimer = setTimeout(() => {
      // What came while this page was busy is taken first.
      ageTimer = setTimeout(() => {
        markLost(region, true)
        lampTo('lost', 'No connection; trying again')
      }, 250)
    }, oldAfter)
  }

  const rest = () => {
    clearTimeout(ageTimer)
    ageTimer = 0
    stream?.close()
    stream = null
    polling?.abort()
    polling = null
    clearTimeout(watchdog)
    clearTimeout(pollTimer)
    clearTimeout(retryTimer)
  }

  const finish = () => {
    over = true
    rest()
    markHeard(region)
    lampTo('live', 'Up to date')
  }

  const heard = () => {
    clearTimeout(watchdog)
    watchdog = setTimeout(broken, silenceAfter)
    clearTimeout(pollTimer)
    retryAfter = 1000
    markHeard(region)
    watchAge()
    lampTo('live', 'Live')
  }

  const poll = async () => {
    clearTimeout(pollTimer)
    polling?.abort()
    const request = new AbortController()
    polling = request
    let isAway = false
    const limit = setTimeout(() => request.abort(), 8000)
    try {
      const answer = await fetch(addressOf(region.dataset.poll), {
        headers: { Accept: 'text/html' },
        signal: request.signal,
      })
      if (answer.status === 401 || answer.redirected) {
        rest()
        over = true
        markLost(region, true)
        lampTo('lost', 'Signed out; sign in again')
        return
      }
      if (answer.status === 404) isAway = true
      if (!answer.ok || !isOurs(answer.headers)) throw new Error(String(answer.status))
      const text = await answer.text()
      if (polling !== request || paused || stream?.readyState === 1) return
      show(text)
      markHeard(region)
      watchAge()
      lampTo('polling', `Asking every ${askEvery / 1000} s`)
    } catch {
      if (polling !== request) return
      markLost(region, isAway)
      lampTo('lost', isAway ? 'Not there any more; trying again' : 'No connection; trying again')
    } finally {
      clearTimeout(limit)
    }
    if (!over && !paused && !document.hidden) pollTimer = setTimeout(poll, askEvery)
  }

  const open = () => {
    if (over || paused || document.hidden || stream !== null) return
    if (noStream) return void poll()
    if (ageTimer === 0) watchAge()
    stream = new EventSource(addressOf(region.dataset.live))
    watchdog = setTimeout(broken, silenceAfter)
    stream.addEventListener('state', (event) => {
      heard()
      show(event.data)
    })
    stream.addEventListener('beat', heard)
    stream.addEventListener('done', finish)
    stream.addEventListener('error', broken)
  }

  // The browser's own reconnecting neither backs off nor notices a silent connection: it is done here.
  function broken() {
    stream?.close()
    stream = null
    clearTimeout(watchdog)
    clearTimeout(retryTimer)
    if (over || paused || document.hidden) return
    void poll()
    retryTimer = setTimeout(open, retryAfter)
    retryAfter = Math.min(retryAfter * 2, 30_000)
  }

  const until = { signal: gone.signal }
  document.addEventListener('visibilitychange', () => (document.hidden ? rest() : open()), until)
  window.addEventListener('pagehide', rest, until)
  window.addEventListener('pageshow', (event) => event.persisted && open(), until)
  const pause = isTail ? document.querySelector('button[data-pause]') : null
  if (pause !== null) {
    pause.hidden = false
    pause.addEventListener('click', () => {
      paused = !paused
      pause.setAttribute('aria-pressed', String(paused))
      if (!paused) return open()
      rest()
      lampTo('off', 'Paused')
    })
  }
  open()
  return {
    region,
    stop() {
      over = true
      rest()
      gone.abort()
      lampTo('off', 'Not live; reload for news')
    },
  }
}
// One stream a page: a browser has six connections for all its tabs. A list that was filtered is another region.
let following
const followShown = () => {
  const region = document.querySelector('[data-live]')
  if (following?.region === (region ?? undefined)) return
  following?.stop()
  following = region === null ? undefined : follow(region)
}
followShown()
queueMicrotask(() => showStates())
htmx?.on('htmx:after:swap', followShown)
