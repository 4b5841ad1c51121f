// One file on its way to the server, told in its row.
import { nbsp, sizeText, spanText } from './words.js'

/** Names of files that can be read. */
export const readable = /\.(csv|tsv|json|jsonl|ndjson|parquet)$/i

/** Why a file is not sent at all; null when it may be. */
export const refusal = (file, max) => {
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
export const send = (file, url, row) =>
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
      if (request.status !== 201) return fail(answer.message ?? `The server refused it (${request.status}).`)
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
export const startRun = async (dataset, row) => {
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
