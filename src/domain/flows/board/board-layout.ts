import type { Connection, Flow } from '../flow.ts'
import { topologicalOrder } from '../topological-order.ts'
import { type BoardGrid, gridFor } from './board-grid.ts'
import { trackPaths } from './track.ts'

export interface BoardTrack {
  /** Its place in the connections of the flow. */
  readonly connection: number
  readonly kind: 'data' | 'control' | 'optional'
  /** For a path in a view box of 1000 by 1000. */
  readonly path: string
}

/** Where everything of a flow stands on its board; changes with the configuration only. */
export interface BoardLayout {
  /** undefined: too many for a grid, the processes stand in rows as they come and nothing is drawn between them. */
  readonly grid: BoardGrid | undefined
  /** Ids, row by row. */
  readonly order: readonly string[]
  /** What leads the data last, so that nothing lies over it. */
  readonly tracks: readonly BoardTrack[]
}

/** Places the processes in topological order, row by row, and leads the track between them. */
export function layoutBoard({
  processes,
  connections,
}: Pick<Flow, 'processes' | 'connections'>): BoardLayout {
  const order = topologicalOrder(
    processes.map(({ id }) => id),
    connections,
  )
  const grid = gridFor(order.length)
  if (grid === undefined) return { grid, order, tracks: [] }
  const places = new Map(
    order.map((id, at) => [id, { column: at % grid.columns, row: Math.floor(at / grid.columns) }]),
  )
  const lines = connections.flatMap((connection) => {
    const from = places.get(connection.from)
    const to = places.get(connection.to)
    return from === undefined || to === undefined ? [] : [{ key: keyOf(connection), from, to }]
  })
  const paths = trackPaths(grid, lines)
  const tracks = connections.flatMap((connection, at) => {
    const path = paths.get(keyOf(connection))
    if (path === undefined) return []
    const kind: BoardTrack['kind'] = connection.optional ? 'optional' : connection.type
    return [{ connection: at, kind, path }]
  })
  return { grid, order, tracks: tracks.toSorted((a, b) => layer[a.kind] - layer[b.kind]) }
}

const layer = { optional: 0, control: 1, data: 2 } as const

const keyOf = ({ from, to }: Connection) => `${from}>${to}`
