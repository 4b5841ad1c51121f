// The browser's side of Signalbox. One plain deferred script, loaded after htmx. Every page works without it.
;(() => {
  const htmx = window.htmx
  document.documentElement.classList.add('has-script')
  const all = (selector, root = document) => [...root.querySelectorAll(selector)]
  const nbsp = '\u00a0'
  const isPoll = (ctx) => ctx?.sourceEvent?.type === 'every'
  /** Whatever else answers in the place of the portal, a proxy or the welcome page of a network, names no request. */
  const isOurs = (headers) => headers.has('X-Request-Id')

  // ---- htmx 4.0.1: repairs -------------------------------------------------------------------------------
  // It swallows clicks with a modifier key: let the browser open the new tab.
  window.addEventListener(
    'click',
    (event) => {
      if ((event.ctrlKey || event.metaKey || event.shiftKey) && event.target.closest?.('a[href]'))
        event.stopPropagation()
    },
    true,
  )
  if (htmx !== undefined) {
    // An error answer must not change the address; a boosted link that fails becomes a normal page load.
    htmx.on('htmx:before:history:update', (event) => {
      if (event.detail.response?.status >= 400) event.preventDefault()
    })
    htmx.on('htmx:response:error', (event) => {
      const { headers, method, action } = event.detail.ctx.request
      if (headers['HX-Boosted'] && method === 'GET') location.href = action
    })
    // A hidden tab does not poll.
    htmx.on('htmx:config:request', (event) => {
      if (document.hidden && isPoll(event.detail.ctx)) event.preventDefault()
    })
    // What a page asked by itself and was refused is said by the lamp: a notice every two seconds would fill the page.
    htmx.on('htmx:before:swap', (event) => {
      const { ctx } = event.detail
      if (isPoll(ctx) && ctx.response?.status >= 400) event.preventDefault()
    })
    htmx.on('htmx:before:response', (event) => {
      const { ctx } = event.detail
      if (!isPoll(ctx) || isOurs(ctx.response.headers)) return
      event.preventDefault()
      unanswered(ctx.target)
    })
    htmx.on('htmx:response:error', ({ detail: { ctx } }) => isPoll(ctx) && unanswered(ctx.target))
    htmx.on('htmx:error', ({ detail: { ctx } }) => {
      if (ctx === undefined) return
      if (isPoll(ctx)) unanswered(ctx.target)
      else sayNoAnswer()
    })
    htmx.on('htmx:after:swap', ({ detail: { ctx } }) => {
      document.getElementById('no-answer')?.remove()
      if (isPoll(ctx)) markHeard(ctx.target)
      showPolling()
    })
  }

  // ---- words for numbers, as components/format.ts says them ------------------------------------------------
  const sizeText = (value) => {
    if (value < 1000) return `${value}${nbsp}bytes`
    const units = ['KB', 'MB', 'GB', 'TB']
    let size = value / 1000
    let unit = 0
    while (size >= 999.5 && unit < units.length - 1) {
      size /= 1000
      unit += 1
    }
    return `${size >= 99.5 || unit === 0 ? Math.round(size) : size.toFixed(1)}${nbsp}${units[unit]}`
  }
  const spanText = (seconds) => {
    if (seconds < 60) return `${Math.max(1, Math.round(seconds))}${nbsp}s`
    if (seconds < 3600) return `${Math.floor(seconds / 60)}${nbsp}min`
    return `${Math.floor(seconds / 3600)}${nbsp}h`
  }

  // ---- relative times --------------------------------------------------------------------------------------
  const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })
  const freshen = () => {
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

  // ---- live regions ----------------------------------------------------------------------------------------
  /** Beats come every 10 s, or as often as the region says. */
  const usualBeat = 10_000
  const pollEvery = 2000

  const lampTo = (state, text) => {
    for (const lamp of all('[data-lamp]')) {
      lamp.dataset.state = state
      if (lamp.textContent !== text) lamp.textContent = text
    }
  }

  // ---- parts that ask by themselves, and what nobody answered ----------------------------------------------
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

  /** What a person asked for came back without an answer; the next answer takes the sentence away. */
  function sayNoAnswer() {
    const notice = document.getElementById('no-answer-blueprint')?.content.cloneNode(true)
    if (notice === undefined || document.getElementById('no-answer') !== null) return
    document.getElementById('main').prepend(notice)
  }

  /** What stands in a part of the page that lost its server is old, and says so over itself. */
  const oldAfter = 10_000
  const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
  const loadedAt = Date.now()
  const heardAt = new WeakMap()

  function markHeard(part) {
    if (part?.dataset === undefined) return
    heardAt.set(part, Date.now())
    delete part.dataset.notLive
  }

  function markLost(part, atOnce = false) {
    if (part?.dataset === undefined) return
    const at = heardAt.get(part) ?? loadedAt
    if (!atOnce && Math.abs(Date.now() - at) < oldAfter) return
    part.dataset.notLive = `Not live since ${clock.format(at)}: what stands here is as old as that.`
  }

  showPolling()

  /** Puts rows that the region does not have yet on top; the oldest go, and the link to older ones follows. */
  const prepend = (region, text) => {
    const sheet = document.createElement('template')
    sheet.innerHTML = text
    const rows = all('tr[data-seq]', sheet.content)
    region.dataset.tail = Math.max(region.dataset.tail, ...rows.map((row) => row.dataset.seq))
    region.prepend(...rows.filter((row) => document.getElementById(row.id) === null))
    while (region.rows.length > region.dataset.most) region.lastElementChild.remove()
    const older = document.querySelector('a[data-older]')
    const last = all('tr[data-seq]', region).at(-1)
    if (older !== null && rows.length > 0 && region.rows.length >= region.dataset.most) {
      const address = new URL(older.href)
      address.searchParams.set('before', last.dataset.seq)
      older.setAttribute('href', address.pathname + address.search)
    }
  }

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
  htmx?.on('htmx:after:swap', () => freshen())

  // ---- drawings of flows -----------------------------------------------------------------------------------
  const setTo = (element, name, value) => {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value)
  }
  const sayIn = (element, text) => {
    if (element !== null && element.textContent !== text) element.textContent = text
  }
  const still = { state: 'flows', role: 'none', mark: 'none', word: '', title: '' }

  /** Writes the states into the drawing that stands there: attributes and short texts, never another drawing. */
  function showStates() {
    const told = document.querySelector('[data-flow-states]')
    const frame = document.querySelector('[data-flow-drawing]')
    if (told === null || frame === null) return
    const { hash, parts } = JSON.parse(told.dataset.flowStates)
    if (frame.dataset.hash !== hash) return void drawAnew(frame, hash)
    for (const part of all('[data-part]', frame)) {
      const now = parts[part.dataset.part] ?? still
      setTo(part, 'data-state', now.state)
      setTo(part, 'data-role', now.role)
      part.toggleAttribute('data-probable', now.probable === true)
      const mark = part.querySelector('.flow__mark')
      if (mark !== null) setTo(mark, 'href', `#${part.closest('svg').dataset.marks}-${now.mark}`)
      sayIn(part.querySelector('.flow__word'), now.word)
      sayIn(part.querySelector('title'), now.title)
    }
    leadTo(frame, all('.flow__process[data-state=failed][data-role=root]', frame).find(isShown) ?? null)
  }

  /** The drawing for phones and that for screens are both there, one of them hidden. */
  const isShown = (part) => part.getClientRects().length > 0

  /** A drawing wider than its place is moved to the failed box, once each time that another fails. */
  const leadTo = (frame, root) => {
    const part = root?.dataset.part ?? ''
    if (frame.dataset.ledTo === part) return
    frame.dataset.ledTo = part
    if (root === null) return
    const [place, box] = [frame.getBoundingClientRect(), root.getBoundingClientRect()]
    if (box.left >= place.left && box.right <= place.right) return
    frame.scrollLeft += box.left - place.left - (place.width - box.width) / 2
  }

  /** The configuration changed: only then another drawing is fetched. */
  const drawAnew = async (frame, hash) => {
    frame.dataset.hash = hash
    try {
      const answer = await fetch(frame.dataset.flowDrawing, { headers: { Accept: 'text/html' } })
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status))
      frame.innerHTML = await answer.text()
      showStates()
    } catch {
      // The next change tries again.
      frame.dataset.hash = ''
    }
  }

  // ---- uploads ---------------------------------------------------------------------------------------------
  const readable = /\.(csv|tsv|json|jsonl|ndjson|parquet)$/i

  /** Why a file is not sent at all; null when it may be. */
  const refusal = (file, max) => {
    if (!readable.test(file.name))
      return 'Not sent: only CSV, TSV, JSON, JSONL, NDJSON and Parquet can be read.'
    if (file.size === 0) return 'Not sent: the file is empty.'
    if (file.size > max) return `Not sent: ${sizeText(file.size)}, and the limit is ${sizeText(max)}.`
    return null
  }

  const answerOf = (request) => {
    try {
      return JSON.parse(request.responseText)
    } catch {
      return {}
    }
  }

  /** Sends one file; resolves with the answer, or null when it failed or was cancelled. */
  const send = (file, url, row) =>
    new Promise((resolve) => {
      const part = (name) => row.querySelector(`[data-part=${name}]`)
      const state = (value, text, detail) => {
        row.dataset.state = value
        row.querySelector('.transfer__state').textContent = text
        part('detail').textContent = detail
      }
      if (row.dataset.state === 'cancelled') return resolve(null)
      const request = new XMLHttpRequest()
      const body = new FormData()
      body.append('file', file, file.name)
      const began = performance.now()
      let marks = [[began, 0]]
      const progress = row.querySelector('progress')
      const fail = (detail) => {
        state('failed', 'not uploaded', detail)
        part('cancel').hidden = true
        resolve(null)
      }
      request.open('POST', url)
      request.setRequestHeader('Accept', 'application/json')
      request.upload.onprogress = ({ loaded, total }) => {
        const now = performance.now()
        marks = [...marks.filter(([at]) => now - at < 4000), [now, loaded]]
        const [from, had] = marks[0]
        const rate = now > from ? ((loaded - had) / (now - from)) * 1000 : 0
        progress.max = total
        progress.value = loaded
        const share = Math.min(99, Math.floor((loaded / total) * 100))
        if (loaded >= total) return state('running', `100${nbsp}%`, 'sent; encrypted and looked at now')
        const left = rate > 0 ? `, ${spanText((total - loaded) / rate)} left` : ''
        state(
          'running',
          `${share}${nbsp}%`,
          `${sizeText(loaded)} of ${sizeText(total)}, ${sizeText(Math.round(rate))}/s${left}`,
        )
      }
      request.onload = () => {
        const answer = answerOf(request)
        if (request.status !== 201)
          return fail(answer.message ?? `The server refused it (${request.status}).`)
        const sure = answer.confidence == null ? '' : `, ${Math.floor(answer.confidence * 100)}${nbsp}% sure`
        const what = answer.shape == null ? 'uploaded' : `${answer.shape}${sure}`
        const run = answer.runId === undefined ? '' : '; its run has started'
        state(
          'completed',
          `${sizeText(answer.bytes ?? file.size)} in ${spanText((performance.now() - began) / 1000)}`,
          `${what}${run}`,
        )
        part('cancel').hidden = true
        const link = part('open')
        link.href = answer.location
        link.textContent = answer.runId === undefined ? 'Look at it' : 'Follow the run'
        link.hidden = false
        resolve(answer)
      }
      request.onerror = () => fail('The connection broke. Choose the file again to send it once more.')
      request.onabort = () => {
        state('cancelled', 'cancelled', 'Nothing of it was kept.')
        part('cancel').hidden = true
        resolve(null)
      }
      part('cancel').onclick = () => request.abort()
      state('running', `0${nbsp}%`, `0 of ${sizeText(file.size)}`)
      request.send(body)
    })

  /** Runs a dataset whose files have all arrived, where the server is sure of them; the row says what became of it. */
  const startRun = async (dataset, row) => {
    const detail = row.querySelector('[data-part=detail]')
    try {
      const answer = await fetch(`/datasets/${dataset}/unattended-run`, {
        method: 'POST',
        headers: { Accept: 'application/json' },
        keepalive: true,
      })
      const { location: place, message } = await answer.json()
      if (!answer.ok) {
        detail.textContent += `. ${message ?? 'The run was not started.'}`
        return
      }
      detail.textContent += '; its run has started'
      const link = row.querySelector('[data-part=open]')
      link.href = place
      link.textContent = 'Follow the run'
    } catch {
      detail.textContent += '. The connection broke: open the dataset and press Run.'
    }
  }

  const uploads = (form) => {
    const input = form.querySelector('input[type=file]')
    const drop = form.querySelector('.drop')
    const area = form.querySelector('[data-transfers]')
    const list = area.querySelector('.transfers')
    const blueprint = form.querySelector('template')
    const max = Number(form.dataset.max)
    let busy = Promise.resolve()
    for (const hint of all('[data-script-only]', form)) hint.hidden = false

    const rowFor = (file) => {
      const row = blueprint.content.firstElementChild.cloneNode(true)
      row.querySelector('.transfer__name').textContent = file.name
      row.querySelector('progress').setAttribute('aria-label', file.name)
      const cancel = row.querySelector('[data-part=cancel]')
      cancel.setAttribute('aria-label', `Cancel ${file.name}`)
      const why = refusal(file, max)
      row.dataset.state = why === null ? 'queued' : 'failed'
      row.querySelector('.transfer__state').textContent = why === null ? 'waits' : 'not sent'
      row.querySelector('[data-part=detail]').textContent = why ?? sizeText(file.size)
      cancel.hidden = why !== null
      cancel.onclick = () => {
        row.dataset.state = 'cancelled'
        row.querySelector('.transfer__state').textContent = 'cancelled'
        cancel.hidden = true
      }
      list.append(row)
      return row
    }

    const summarise = () => {
      const of = (state) => list.querySelectorAll(`[data-state=${state}]`).length
      const open = of('queued') + of('running')
      area.querySelector('[data-part=summary]').textContent =
        `${of('completed')} uploaded, ${of('failed')} failed${open > 0 ? `, ${open} to go` : ''}`
    }

    const sendAll = async (files, options) => {
      let dataset
      let arrived
      for (const { file, row } of files) {
        const query = new URLSearchParams()
        const own = options.name !== '' && (options.together || files.length === 1)
        query.set('name', own ? options.name : file.name.replace(readable, ''))
        if (options.together && dataset !== undefined) query.set('dataset', dataset)
        if (options.run && !options.together) {
          query.set('run', '1')
          query.set('last', '1')
        }
        const answer = await send(file, `${form.dataset.upload}?${query}`, row)
        dataset ??= answer?.datasetId
        if (answer !== null) arrived = row
        summarise()
      }
      // Not with the last file: it may fail or be cancelled, and those that arrived are run all the same.
      if (options.run && options.together && dataset !== undefined) await startRun(dataset, arrived)
    }

    const take = (chosen) => {
      const files = [...chosen].map((file) => ({ file, row: rowFor(file) }))
      if (files.length === 0) return
      area.hidden = false
      summarise()
      const options = {
        name: form.elements.name.value.trim(),
        together: form.elements.together.value === 'yes',
        run: form.elements.run.checked,
      }
      const good = files.filter(({ row }) => row.dataset.state === 'queued')
      busy = busy.then(() => sendAll(good, options))
      input.value = ''
    }

    input.addEventListener('change', () => take(input.files))
    form.addEventListener('submit', (event) => event.preventDefault())
    for (const name of ['dragenter', 'dragover']) {
      drop.addEventListener(name, (event) => {
        event.preventDefault()
        drop.dataset.over = ''
      })
    }
    for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => delete drop.dataset.over)
    drop.addEventListener('drop', (event) => {
      event.preventDefault()
      take(event.dataTransfer.files)
    })
    // A file dropped beside the zone must not replace the page, and leaving must not lose a transfer.
    for (const name of ['dragover', 'drop']) window.addEventListener(name, (event) => event.preventDefault())
    window.addEventListener('beforeunload', (event) => {
      if (list.querySelector('[data-state=queued], [data-state=running]') !== null) event.preventDefault()
    })
  }
  for (const form of all('form[data-upload]')) uploads(form)

  // ---- choosing datasets -----------------------------------------------------------------------------------
  for (const words of all('[data-chosen]')) {
    const form = document.getElementById(words.dataset.chosen)
    const elsewhere = Number(words.dataset.elsewhere)
    const count = () => {
      const ticked = all('input[type=checkbox][name=dataset]').filter(
        (box) => box.form === form && box.checked,
      )
      const chosen = ticked.length + elsewhere
      const apart = elsewhere === 0 ? '' : `, ${elsewhere} of them not on this page`
      words.textContent =
        chosen === 0
          ? 'No dataset chosen'
          : `${chosen} ${chosen === 1 ? 'dataset' : 'datasets'} chosen${apart}`
    }
    words.hidden = false
    count()
    document.addEventListener('change', count)
    // Going back, a browser may bring back what was ticked.
    window.addEventListener('pageshow', count)
  }

  // Where menus scroll sideways, the place one is at is in sight.
  for (const here of all('.tabs [aria-current], .track-menu [aria-current]')) {
    const menu = here.closest('.tabs, .track-menu')
    const beyond = here.getBoundingClientRect().right - menu.getBoundingClientRect().right
    if (beyond > 0) menu.scrollLeft = beyond + 48
  }

  // ---- keys, dialogs, copying ------------------------------------------------------------------------------
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
})()
