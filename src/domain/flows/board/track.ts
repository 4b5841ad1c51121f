import type { BoardGrid } from './board-grid.ts'

/** Where a process stands; columns and rows count from 0. */
export interface Place {
  readonly column: number
  readonly row: number
}

interface Line {
  readonly key: string
  readonly from: Place
  readonly to: Place
}

interface Point {
  readonly x: number
  readonly y: number
}

/** A line that runs along the gap below a row, for so far. */
interface Run {
  readonly gap: number
  readonly left: number
  readonly right: number
  /** Lines that lead to one process share a lane: they may run together. */
  readonly owner: string
}

/**
 * The paths of the track on a grid, by the keys of its lines. Neighbours in a row get a straight. All others leave at the
 * bottom and run along the gap below the row: to the top of a process in the next row, around to the bottom of one
 * further on in the same row, or down between two columns to a row further below. Places are in topological order, so no
 * line leads back.
 */
export function trackPaths(grid: BoardGrid, lines: readonly Line[]): ReadonlyMap<string, string> {
  const lanes = new Lanes(
    grid,
    lines.flatMap((line) => runsOf(grid, line)),
  )
  return new Map(lines.map((line) => [line.key, pathOf(pointsOf(grid, line, lanes), cutOf(grid))]))
}

const isNeighbour = ({ from, to }: Line) => from.row === to.row && to.column === from.column + 1

const left = ({ columnGap, width }: BoardGrid, column: number) => column * (width + columnGap)
const middle = (grid: BoardGrid, column: number) => left(grid, column) + grid.width / 2
const top = ({ rowGap, height }: BoardGrid, row: number) => row * (height + rowGap)
const bottom = (grid: BoardGrid, row: number) => top(grid, row) + grid.height
/** Between a column and the one before it; before the first one there is none, so the one after it. */
const channel = (grid: BoardGrid, column: number) =>
  column === 0 ? grid.width + grid.columnGap / 2 : left(grid, column) - grid.columnGap / 2

function runsOf(grid: BoardGrid, line: Line): readonly Run[] {
  if (isNeighbour(line)) return []
  const { from, to } = line
  const owner = `${to.column} ${to.row}`
  const run = (gap: number, a: number, b: number): Run => ({
    gap,
    left: Math.min(a, b),
    right: Math.max(a, b),
    owner,
  })
  const start = middle(grid, from.column)
  const end = middle(grid, to.column)
  if (to.row <= from.row + 1) return [run(from.row, start, end)]
  const down = channel(grid, to.column)
  return [run(from.row, start, down), run(to.row - 1, down, end)]
}

function pointsOf(grid: BoardGrid, line: Line, lanes: Lanes): readonly Point[] {
  const { from, to } = line
  if (isNeighbour(line)) {
    const y = top(grid, from.row) + grid.height / 2
    return [
      { x: left(grid, from.column) + grid.width, y },
      { x: left(grid, to.column), y },
    ]
  }
  const start = { x: middle(grid, from.column), y: bottom(grid, from.row) }
  const end = {
    x: middle(grid, to.column),
    y: to.row === from.row ? bottom(grid, to.row) : top(grid, to.row),
  }
  const [first, second] = runsOf(grid, line).map((run) => lanes.of(run))
  const y = first ?? start.y
  if (second === undefined) return [start, { x: start.x, y }, { x: end.x, y }, end]
  const x = channel(grid, to.column)
  return [start, { x: start.x, y }, { x, y }, { x, y: second }, { x: end.x, y: second }, end]
}

/** Gives runs that would lie on each other lanes of their own, side by side across the gap. */
class Lanes {
  readonly #grid: BoardGrid
  readonly #taken = new Map<number, Run[][]>()

  constructor(grid: BoardGrid, runs: readonly Run[]) {
    this.#grid = grid
    for (const run of runs) {
      const lanes = this.#taken.get(run.gap) ?? []
      this.#taken.set(run.gap, lanes)
      const free = lanes.find((lane) => lane.every((other) => !meets(run, other)))
      if (free === undefined) lanes.push([run])
      else free.push(run)
    }
  }

  of(run: Run): number {
    const lanes = this.#taken.get(run.gap) ?? []
    const at = lanes.findIndex((lane) => lane.some((other) => isSame(run, other)))
    const start = bottom(this.#grid, run.gap)
    // Below the last row there may be less room than between two.
    const room = Math.min(this.#grid.rowGap, 1000 - start)
    return start + (room * (Math.max(0, at) + 1)) / (lanes.length + 1)
  }
}

const isSame = (a: Run, b: Run) =>
  a.owner === b.owner && a.gap === b.gap && a.left === b.left && a.right === b.right
const meets = (a: Run, b: Run) => a.owner !== b.owner && a.left <= b.right && b.left <= a.right

interface Cut {
  readonly across: number
  readonly down: number
}

/**
 * How far a corner is cut: the map is wider than high, so this looks even. Across no further than from the middle of a
 * gap between two columns, or a corner would lead over a tile.
 */
const cutOf = ({ columnGap }: BoardGrid): Cut => ({ across: Math.min(16, columnGap * 0.45), down: 28 })

/** Straights with cut corners, as the track of a signal box is drawn. */
function pathOf(points: readonly Point[], cut: Cut): string {
  const parts = points.map((point, at) => {
    const before = points[at - 1]
    const after = points[at + 1]
    if (before === undefined) return `M${at2(point)}`
    if (after === undefined) return `L${at2(point)}`
    // A corner of no width is a straight on.
    if (before.x === point.x && point.x === after.x) return ''
    return `L${at2(towards(point, before, cut))}L${at2(towards(point, after, cut))}`
  })
  return parts.join('')
}

function towards(corner: Point, other: Point, cut: Cut): Point {
  const across = Math.min(cut.across, Math.abs(other.x - corner.x) / 2)
  const down = Math.min(cut.down, Math.abs(other.y - corner.y) / 2)
  return {
    x: corner.x + Math.sign(other.x - corner.x) * across,
    y: corner.y + Math.sign(other.y - corner.y) * down,
  }
}

const at2 = ({ x, y }: Point) => `${round(x)} ${round(y)}`
const round = (value: number) => Math.round(value * 100) / 100
