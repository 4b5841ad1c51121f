import type { Column, Observation } from './flight.ts'

/** A flight cannot give this result; the sentence says why. */
export class NoResult extends Error {}

export interface Result {
  readonly value: number
  readonly unit: string
  readonly detail: string
}

/** What is computed of every flight. */
export const algorithms: Readonly<Record<string, (flight: readonly Observation[]) => Result>> = {
  max_altitude: (flight) => {
    const value = Math.max(...numbers(flight, 'altitude'))
    return { value, unit: 'ft', detail: `highest at ${value} ft` }
  },
  hover_time: (flight) => {
    const speeds = numbers(flight, 'groundspeed')
    const seconds = spacing(flight) * speeds.filter((speed) => speed < 10).length
    return { value: Math.round(seconds), unit: 's', detail: `below 10 kt for ${Math.round(seconds)} s` }
  },
  exceedances: (flight) => {
    const value = numbers(flight, 'vertical_rate').filter((rate) => rate < -1_200 || rate > 1_500).length
    return { value, unit: 'count', detail: `${value} times outside -1200 to 1500 ft/min` }
  },
  distance: (flight) => {
    const places = pairs(numbers(flight, 'latitude'), numbers(flight, 'longitude'))
    let miles = 0
    for (const [at, place] of places.entries()) if (at > 0) miles += apart(places[at - 1] ?? place, place)
    return { value: Number(miles.toFixed(2)), unit: 'nm', detail: `${miles.toFixed(1)} nm along the track` }
  },
  landing: (flight) => {
    const onGround = flight.findLastIndex((each) => each.onground !== 'True') + 1
    const value = onGround < flight.length ? Number(flight[onGround]?.timestamp ?? 0) : 0
    if (value === 0) return { value: 0, unit: 'time', detail: 'still in the air at the end' }
    return { value, unit: 'time', detail: `on the ground at ${new Date(value).toISOString()}` }
  },
}

function numbers(flight: readonly Observation[], column: Column): number[] {
  const found = flight.map((each) => Number(each[column] ?? Number.NaN)).filter(Number.isFinite)
  if (found.length === 0) throw new NoResult(`no ${column} in ${flight.length} observations`)
  return found
}

function spacing(flight: readonly Observation[]): number {
  const times = numbers(flight, 'timestamp')
  return ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000 / Math.max(1, times.length - 1)
}

type Position = readonly [latitude: number, longitude: number]
const pairs = (latitudes: readonly number[], longitudes: readonly number[]): Position[] =>
  latitudes.flatMap((latitude, at) => {
    const longitude = longitudes[at]
    return longitude === undefined ? [] : [[latitude, longitude]]
  })

/** Nautical miles on the sphere, by haversines. */
function apart([fromLatitude, fromLongitude]: Position, [latitude, longitude]: Position): number {
  const radians = Math.PI / 180
  const half = (angle: number) => Math.sin((angle * radians) / 2) ** 2
  const chord =
    half(latitude - fromLatitude) +
    Math.cos(fromLatitude * radians) * Math.cos(latitude * radians) * half(longitude - fromLongitude)
  return 2 * 3_440.065 * Math.asin(Math.min(1, Math.sqrt(chord)))
}
