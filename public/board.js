// The browser's side of a wall board. A module without dependencies: it follows the server, says so when it cannot, and
// never draws: an update sets attributes and texts of nodes that are there.
const body = document.body
const seconds = 1_000
const probeTimeout = 4 * seconds
/** Whoever must sign in again does so by hand; asking more often would fill the log of refusals. */
const waitWhenShut = 60 * seconds
const leastBetweenReloads = 60 * seconds
const sessionNotice = 5 * 60 * seconds

const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
/** In at most two units, as src/domain/flows/time/duration.ts says it. */
const span = (ms) => {
  const total = Math.max(0, Math.floor(ms / seconds))
  if (total < 60) return `${total} s`
  const minutes = Math.floor(total / 60)
  if (minutes < 60) return total % 60 === 0 ? `${minutes} min` : `${minutes} min ${total % 60} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d`
}

// ---- nodes: looked up once a board, changed only where something differs -------------------------------------------
let nodes
const bind = () => {
  const find = (name, root = document) => root.querySelector(`[data-part="${name}"]`)
  /** The one text node of an element. */
  const text = (element) => {
    if (element === null) return null
    if (element.firstChild === null) element.append(document.createTextNode(''))
    return element.firstChild
  }
  const mark = (root) => ({ svg: root.querySelector('[data-mark]'), use: root.querySelector('use') })
  const part = (name) => text(find(name))
  nodes = {
    icon: find('icon'),
    headline: find('headline'),
    before: part('before'),
    name: part('name'),
    after: part('after'),
    plate: find('plate'),
    plateMark: mark(find('plate')),
    because: part('because'),
    warning: find('warning'),
    warningText: part('warning-text'),
    session: find('session'),
    sessionText: part('session-text'),
    stale: find('stale'),
    staleText: part('stale-text'),
    hung: document.querySelector('.board__hung'),
    hungText: part('hung-text'),
    clock: part('clock'),
    lamp: find('lamp'),
    lampText: part('lamp'),
    beat: part('beat'),
    checker: part('checker'),
    number: part('number'),
    sound: find('sound'),
    counts: new Map(
      [...document.querySelectorAll('[data-count]')].map((item) => [
        item.dataset.count,
        { item, text: text(find('count', item)) },
      ]),
    ),
    stages: new Map(
      [...document.querySelectorAll('[data-process]')].map((stage) => [
        stage.dataset.process,
        {
          stage,
          mark: mark(stage),
          word: text(find('word', stage)),
          since: text(find('since', stage)),
          line: text(find('line', stage)),
        },
      ]),
    ),
    /** By the place of their connection. */
    tracks: new Map(
      [...document.querySelectorAll('[data-track]')].map((path) => [Number(path.dataset.track), path]),
    ),
  }
  nodes.hung.style.setProperty('animation-duration', `${settings().liveAfter}ms`, 'important')
}
const say = (node, text) => {
  if (node !== null && node.data !== text) node.data = text
}
const mean = (element, name, value) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}
const hide = (element, hidden) => {
  if (element.hidden !== hidden) element.hidden = hidden
}
const drawMark = ({ svg, use }, look) => {
  mean(svg, 'data-mark', look)
  mean(use, 'href', `#mark-${look === 'confirming' ? 'failed' : look}`)
}

// ---- what the page was made with ------------------------------------------------------------------------------------
const settings = () => ({
  board: body.dataset.board,
  liveAfter: Number(body.dataset.liveAfter),
  blankAfter: Number(body.dataset.blankAfter),
  reloadEvery: Number(body.dataset.reloadEvery),
  rotateAfter: Number(body.dataset.rotateAfter ?? 0),
  next: body.dataset.next,
})
/** So long after the last beat (they come every 2 s) it asks by itself, and so long it waits at most to ask again: short
 * enough that asking alone keeps a board live where streams are held up. */
const askAfter = () => settings().liveAfter / 2
const path = () => `/board/${encodeURIComponent(body.dataset.board)}`

/** Of this script and its stylesheet: what takes the place of the page later may come from newer ones. */
const assets = body.dataset.assets
let known
let latest
/** The configuration that `latest` is of. */
let latestHash
/** When somebody last answered for what is shown, by both clocks. */
let beatAt
let sessionEndsAt
let lagMs = 0
/** Why it is not live, in words. */
let reason = ''
let attempts = 0
const openedAt = performance.now()
let shownSince = performance.now()

const start = () => {
  bind()
  known = {
    seq: Number(body.dataset.seq),
    bootId: body.dataset.bootId,
    configHash: body.dataset.configHash,
  }
  latest = undefined
  latestHash = undefined
  shownSince = performance.now()
  beat()
}

/** How old the newest word of the server is. The wall clock counts too: the other one stands still while a machine
 * sleeps. One that was set back counts for nothing. */
const age = () => Math.max(performance.now() - beatAt.mono, Date.now() - beatAt.wall)
/** Whether the wall clock went on alone since then: what a stream still holds may be from before the sleep. */
const hasSlept = () => Date.now() - beatAt.wall - (performance.now() - beatAt.mono) > askAfter()

const beat = () => {
  beatAt = { mono: performance.now(), wall: Date.now() }
  reason = ''
  body.dataset.beat = body.dataset.beat === 'a' ? 'b' : 'a'
  say(nodes.hungText, `NOT LIVE since ${time.format(beatAt.wall)}`)
  check()
}

// ---- drawing --------------------------------------------------------------------------------------------------------
const draw = (state) => {
  mean(body, 'data-worst', state.worst)
  say(nodes.before, state.headline.before)
  hide(nodes.before.parentNode, state.headline.before === '')
  say(nodes.name, state.headline.name)
  hide(nodes.plate, state.headline.name === '')
  drawMark(nodes.plateMark, state.worst)
  say(nodes.after, state.headline.after)
  mean(nodes.headline, 'data-size', state.headline.size)
  say(nodes.because, state.because)
  say(nodes.warningText, state.warning)
  hide(nodes.warning, state.warning === '')
  const left = new Map(nodes.stages)
  for (const process of state.processes) {
    const node = nodes.stages.get(process.id)
    if (node === undefined) continue
    left.delete(process.id)
    mean(node.stage, 'data-look', process.look)
    mean(node.stage, 'data-probable', String(process.probable))
    drawMark(node.mark, process.look)
    say(node.word, process.word)
    say(node.since, process.since)
    say(node.line, process.line)
  }
  // No longer configured, until the page that is: what it was says nothing.
  for (const node of left.values()) forget(node, '')
  if (latestHash === known.configHash) drawTracks(state.tracks)
  drawCounts(state.counts)
  drawTab(state.title, state.icon)
}
const drawTracks = (tracks) =>
  tracks.forEach((track, at) => {
    const path = nodes.tracks.get(at)
    if (path === undefined || path.dataset.state === track) return
    path.dataset.state = track
    // What is starved lies over what flows, where both run together.
    if (track !== 'flows') path.parentNode.append(path)
  })
const forget = ({ stage, mark, word, since, line }, was) => {
  mean(stage, 'data-look', 'unknown')
  drawMark(mark, 'unknown')
  say(word, 'UNKNOWN')
  say(since, '')
  say(line, was)
}
const drawCounts = (counts) => {
  for (const [look, { item, text }] of nodes.counts) {
    say(text, String(counts[look] ?? 0))
    hide(item, (counts[look] ?? 0) === 0)
  }
}
const drawTab = (title, icon) => {
  if (document.title !== title) document.title = title
  mean(nodes.icon, 'href', `/board-icons/${icon}.svg`)
}
const pastWords = { waits: 'waiting', 'at-risk': 'healthy, but at risk' }
/** What was known goes; that it was known, and when, is said. */
const drawBlank = () => {
  const at = time.format(beatAt.wall)
  mean(body, 'data-worst', 'unknown')
  for (const node of nodes.stages.values()) {
    const { look } = node.stage.dataset
    forget(node, `was ${pastWords[look] ?? look} at ${at}`)
  }
  for (const track of nodes.tracks.values()) mean(track, 'data-state', 'flows')
  drawCounts({ unknown: nodes.stages.size })
}

// ---- live or not ----------------------------------------------------------------------------------------------------
const check = () => {
  const now = Date.now()
  const { liveAfter, blankAfter } = settings()
  const old = age()
  const live = old < liveAfter ? 'yes' : old < blankAfter ? 'no' : 'blank'
  const before = body.dataset.live
  say(nodes.clock, time.format(now))
  if (live !== before) {
    body.dataset.live = live
    hide(nodes.stale, live === 'yes')
    if (live === 'blank') drawBlank()
    // From what was last heard: what was not live said something else in its place.
    else if (latest !== undefined) draw(latest)
  }
  mean(nodes.lamp, 'data-state', live === 'yes' ? 'live' : 'lost')
  if (live === 'yes') {
    say(nodes.lampText, 'LIVE')
    say(nodes.beat, `beat ${span(old)} ago`)
    say(nodes.checker, `checker ${lagMs} ms late`)
    say(nodes.number, `no. ${known.seq}`)
    showSessionEnd(now)
    return
  }
  say(nodes.staleText, `NOT LIVE since ${time.format(beatAt.wall)}`)
  say(
    nodes.because,
    `${reason === '' ? `No heartbeat for ${span(old)}` : reason}. ${
      live === 'no'
        ? 'States below are the last ones known, not the present ones.'
        : 'Nothing is known any more: below is what each process was.'
    }`,
  )
  say(nodes.lampText, 'NOT LIVE')
  say(nodes.beat, `last beat ${time.format(beatAt.wall)}`)
  say(nodes.checker, `attempt ${attempts}`)
  say(nodes.number, `last no. ${known.seq}`)
  drawTab(`(?) Not live · ${body.dataset.name}`, 'not-live')
}
const showSessionEnd = (now) => {
  const left = sessionEndsAt === undefined ? Number.POSITIVE_INFINITY : sessionEndsAt - now
  hide(nodes.session, left > sessionNotice)
  if (left <= sessionNotice) {
    say(
      nodes.sessionText,
      `This board ends with your session in ${span(left)}. A board link keeps it open: an administrator makes one under Administration, Boards.`,
    )
  }
}

// ---- the server's word ----------------------------------------------------------------------------------------------
let reloadWanted = false
/** What is shown was drawn for another configuration than the server's. */
const isOutdated = () =>
  body.dataset.live === 'yes' && latestHash !== undefined && latestHash !== known.configHash

/** @param isSnapshot whether it holds the whole state, and not only that somebody is there */
const hear = (message, isSnapshot, isStream) => {
  if (message.board !== body.dataset.board) return
  if (message.assets !== assets) reloadWanted = true
  // Another process than the stream had before; where several answer in turn, the page may come from any of them.
  else if (isStream && known.streamBootId !== undefined && message.boot_id !== known.streamBootId)
    reloadWanted = true
  if (isStream) known.streamBootId = message.boot_id
  lagMs = message.scheduler_lag_ms
  sessionEndsAt = message.session_ends_in_ms === null ? undefined : Date.now() + message.session_ends_in_ms
  if (isSnapshot) {
    const isOlder = message.boot_id === known.bootId && message.seq < known.seq
    if (!isOlder) {
      known.seq = message.seq
      known.bootId = message.boot_id
      alarm(latest, message.state)
      latest = message.state
      latestHash = message.config_hash
    }
  } else if (message.boot_id === known.bootId && message.seq !== known.seq) {
    // Something was missed.
    probe()
  }
  beat()
  if (isSnapshot && latest !== undefined && body.dataset.live === 'yes') draw(latest)
  if (reloadWanted) reload()
  else if (isOutdated()) renew()
}

const goneReason = 'This flow is no longer watched'
let probing
/** Asks the plain address. Only what carries back the question is an answer: a cache cannot. */
const probe = () => {
  probing ??= ask().finally(() => {
    probing = undefined
  })
  return probing
}
const ask = async () => {
  const nonce = Math.random().toString(36).slice(2)
  const askedAt = performance.now()
  try {
    const answer = await fetch(`${path()}/live?nonce=${nonce}`, {
      cache: 'no-store',
      redirect: 'manual',
      headers: { Accept: 'application/json' },
      signal: AbortSignal.timeout(probeTimeout),
    })
    if (answer.type === 'opaqueredirect' || answer.status === 401 || answer.status === 403) {
      reason =
        body.dataset.access === 'link'
          ? 'This board link was revoked, or it has expired'
          : 'The session ended: sign in again, or open a board link'
      return 'shut'
    }
    if (answer.status === 404) {
      reason = goneReason
      return 'away'
    }
    if (!answer.ok) {
      reason = `The server answers ${answer.status}`
      return 'away'
    }
    if (!(answer.headers.get('Content-Type') ?? '').startsWith('application/json')) {
      reason = 'Something else answers in the place of the server'
      return 'away'
    }
    const message = await answer.json()
    if (message.nonce !== nonce || message.state === undefined) {
      reason = 'Something else answers in the place of the server'
      return 'away'
    }
    // An answer is as young as its question, so from here on a clock that was set, or that drifts, holds nothing back.
    clockAhead = message.server_time - askedAt
    hear(message, true, false)
    return 'there'
  } catch {
    reason = navigator.onLine ? 'The server does not answer' : 'This machine is offline'
    return 'away'
  }
}

let stream
let streamHeardAt = 0
let retryTimer = 0
/** The server's clock less ours, as the fastest message said it: what lies about on the way is no news. */
let clockAhead = Number.NEGATIVE_INFINITY

const follow = () => {
  leave()
  clockAhead = Number.NEGATIVE_INFINITY
  streamHeardAt = performance.now()
  const own = new EventSource(`${path()}/events`)
  stream = own
  const listen = (name, isSnapshot) =>
    own.addEventListener(name, (event) => {
      if (own !== stream) return
      if (hasSlept()) return anew()
      let message
      try {
        message = JSON.parse(event.data)
      } catch {
        return again()
      }
      streamHeardAt = performance.now()
      attempts = 0
      const ahead = message.server_time - performance.now()
      clockAhead = Math.max(clockAhead, ahead)
      // Held back on the way, or while this page was frozen.
      if (clockAhead - ahead > settings().liveAfter / 2) return
      hear(message, isSnapshot, true)
    })
  listen('state', true)
  listen('beat', false)
  // Whatever it is, also what EventSource itself would give up on: from now on it is asked for by us.
  own.addEventListener('error', () => own === stream && again())
}
const leave = () => {
  stream?.close()
  stream = undefined
  clearTimeout(retryTimer)
}
/** Asks again after a while, for ever. */
const again = (
  wait = Math.min(askAfter(), 500 * 2 ** Math.min(attempts, 6)) * (0.75 + Math.random() / 2),
) => {
  leave()
  attempts += 1
  retryTimer = setTimeout(connect, wait)
}
/** Says first how it stands, then asks at once. */
const anew = () => {
  check()
  again(0)
}
const connect = async () => {
  clearTimeout(retryTimer)
  const own = path()
  const found = await probe()
  if (own !== path()) return
  if (found === 'there') follow()
  else again(found === 'shut' ? waitWhenShut : undefined)
}

let probedAt = 0
const tick = () => {
  check()
  const now = performance.now()
  const silent = now - streamHeardAt
  if (stream !== undefined && (silent > settings().liveAfter || hasSlept())) again(0)
  else if (stream !== undefined && age() > askAfter() && now - probedAt > askAfter()) {
    probedAt = now
    probe()
  }
  if (settings().reloadEvery > 0 && now - openedAt > settings().reloadEvery) reloadWanted = true
  if (reloadWanted) reload()
  else if (isOutdated()) renew()
  if (settings().rotateAfter > 0 && now - shownSince > settings().rotateAfter) void rotate()
}
/** After the page slept: say first how it stands, then ask. */
const wake = () => {
  check()
  if (age() > askAfter()) void connect()
  void keepAwake()
}

// ---- the page itself ------------------------------------------------------------------------------------------------
let busy = false
/** Fetches a board's page; undefined where something else is there. Nobody stands by to repair an error page. */
const page = async (address) => {
  try {
    const answer = await fetch(address, {
      cache: 'no-store',
      redirect: 'manual',
      headers: { Accept: 'text/html' },
      signal: AbortSignal.timeout(probeTimeout),
    })
    const isPage = answer.ok && (answer.headers.get('Content-Type') ?? '').startsWith('text/html')
    const text = isPage ? await answer.text() : ''
    return text.includes('data-board="') ? text : undefined
  } catch {
    return undefined
  }
}
const once = async (what) => {
  if (busy) return
  busy = true
  try {
    await what()
  } finally {
    busy = false
  }
}
/** Not again and again, where two versions answer in turn: nothing is stored, so the page is asked how it came. */
const isFreshlyReloaded = () =>
  performance.getEntriesByType('navigation')[0]?.type === 'reload' && performance.now() < leastBetweenReloads
let triedReloadAt = Number.NEGATIVE_INFINITY
const reload = () => {
  if (isFreshlyReloaded() || performance.now() - triedReloadAt < 5 * seconds) return
  triedReloadAt = performance.now()
  void once(async () => {
    if ((await page(location.href)) !== undefined) location.reload()
  })
}

/** Another board takes the place of this one in the same page, so that the guard never stops. */
const replaceBy = (address, text) => {
  const fresh = new DOMParser().parseFromString(text, 'text/html')
  const main = fresh.querySelector('main')
  if (main === null) return false
  leave()
  const { live, beat } = body.dataset
  for (const name of body.getAttributeNames()) if (name.startsWith('data-')) body.removeAttribute(name)
  for (const { name, value } of fresh.body.attributes) body.setAttribute(name, value)
  body.dataset.live = live
  body.dataset.beat = beat
  document.querySelector('main').replaceWith(document.adoptNode(main))
  document.title = fresh.title
  history.replaceState(null, '', address)
  start()
  mean(nodes.icon, 'href', fresh.querySelector('[data-part="icon"]').getAttribute('href'))
  listenable()
  follow()
  return true
}
const show = async (address) => {
  const text = await page(address)
  return text !== undefined && replaceBy(address, text)
}

/** The flow was configured anew: it is drawn anew, at once, whatever the page was loaded for. */
let triedRenewalAt = Number.NEGATIVE_INFINITY
let renewAfter = 2 * seconds
const renew = () => {
  if (performance.now() - triedRenewalAt < renewAfter) return
  triedRenewalAt = performance.now()
  void once(async () => {
    const address = location.href
    const text = await page(address)
    // Where two processes answer in turn, the page may still be that of the other one.
    const isSame = text?.includes(`data-config-hash="${known.configHash}"`) ?? true
    renewAfter = isSame ? Math.min(30 * seconds, renewAfter * 1.5) : 2 * seconds
    if (!isSame) replaceBy(address, text)
  })
}

/** The next flow takes the place of this one; where it is not there any more, the one that is next now. */
const rotate = () =>
  once(async () => {
    const { next } = settings()
    shownSince = performance.now()
    if (body.dataset.live !== 'yes' && reason !== goneReason) return
    if (next !== undefined && (await show(next))) return
    if (!(await show(location.href))) return
    const { next: now } = settings()
    if (now !== undefined && now !== next) await show(now)
  })

let lock
const keepAwake = async () => {
  if (document.visibilityState !== 'visible' || (lock !== undefined && !lock.released)) return
  try {
    lock = await navigator.wakeLock?.request('screen')
  } catch {
    // Refused, as on battery: the room has to see to it.
  }
}

let sound
/** Browsers let a page be heard only after somebody touched it, unless the kiosk is set up to allow it. */
const listenable = () => {
  if (body.dataset.sound === undefined) return
  sound ??= new AudioContext()
  if (nodes.sound !== null) hide(nodes.sound, sound.state === 'running')
}
const alarm = (before, after) => {
  if (body.dataset.sound === undefined || sound?.state !== 'running' || before === undefined) return
  const failed = (state) => state.processes.filter(({ look }) => look === 'failed').map(({ id }) => id)
  const already = new Set(failed(before))
  if (failed(after).every((id) => already.has(id))) return
  for (const [at, pitch] of [
    [0, 880],
    [0.25, 660],
    [0.5, 880],
  ]) {
    const tone = sound.createOscillator()
    const volume = sound.createGain()
    tone.frequency.value = pitch
    volume.gain.value = 0.2
    tone.connect(volume).connect(sound.destination)
    tone.start(sound.currentTime + at)
    tone.stop(sound.currentTime + at + 0.2)
  }
}
document.addEventListener('click', async () => {
  await sound?.resume()
  listenable()
})

start()
listenable()
follow()
void keepAwake()
setInterval(tick, 500)
// A page that is not seen goes on: a board behind another window is right when it comes back.
for (const name of ['visibilitychange', 'resume']) document.addEventListener(name, wake)
for (const name of ['pageshow', 'online', 'focus']) window.addEventListener(name, wake)
