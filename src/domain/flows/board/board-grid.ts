/** The fixed grid that the processes of a flow stand on; all lengths in thousandths of the map. */
export interface BoardGrid {
  /** Its name for the stylesheet, which says the same lengths in percent. */
  readonly name: string
  readonly columns: number
  readonly rows: number
  readonly width: number
  readonly height: number
  readonly columnGap: number
  /** Between rows, and below the last one as far as there is room: what is led around runs here. */
  readonly rowGap: number
}

/**
 * The sizes, from `public/board.css`. A wall is 16:9, so tiles stay about twice as wide as high, except where there are
 * so few that all stand in one row; the more there are, the larger the part of the map that is left to the track.
 */
const grids: readonly BoardGrid[] = [
  { name: '1x1', columns: 1, rows: 1, width: 1000, height: 920, columnGap: 0, rowGap: 80 },
  { name: '2x1', columns: 2, rows: 1, width: 470, height: 920, columnGap: 60, rowGap: 80 },
  { name: '3x1', columns: 3, rows: 1, width: 300, height: 860, columnGap: 50, rowGap: 140 },
  { name: '2x2', columns: 2, rows: 2, width: 470, height: 430, columnGap: 60, rowGap: 90 },
  { name: '4x2', columns: 4, rows: 2, width: 220, height: 410, columnGap: 40, rowGap: 100 },
  { name: '5x3', columns: 5, rows: 3, width: 170, height: 270, columnGap: 37.5, rowGap: 70 },
  { name: '6x4', columns: 6, rows: 4, width: 140, height: 205, columnGap: 32, rowGap: 50 },
  { name: '7x5', columns: 7, rows: 5, width: 118, height: 160, columnGap: 29, rowGap: 45 },
  { name: '8x6', columns: 8, rows: 6, width: 102.25, height: 132, columnGap: 26, rowGap: 36 },
  { name: '9x7', columns: 9, rows: 7, width: 90, height: 112, columnGap: 23.75, rowGap: 32 },
]

/** The smallest grid with room for so many processes; undefined: more than can be told apart on one wall. */
export const gridFor = (processes: number): BoardGrid | undefined =>
  grids.find(({ columns, rows }) => processes <= columns * rows)
