/** Columns of the TSV, named as those of recorded flights are. */
export const columns = [
  'timestamp',
  'icao24',
  'latitude',
  'longitude',
  'groundspeed',
  'track',
  'vertical_rate',
  'callsign',
  'squawk',
  'altitude',
  'alert',
  'geoaltitude',
  'hour',
  'last_position',
  'onground',
  'spi',
] as const
export type Column = (typeof columns)[number]
/** One observation; a value that was not received is absent. */
export type Observation = Readonly<Partial<Record<Column, string>>>

export interface Aircraft {
  readonly tailNumber: string
  readonly callsign: string
  readonly icao24: string
  readonly latitude: number
  readonly longitude: number
}

/** A fleet that does not exist: the prefix XX and the addresses are given to no state. */
export const fleet: readonly Aircraft[] = [
  { tailNumber: 'XX-HEA', callsign: 'LARK1', icao24: 'f00a01', latitude: 47.431, longitude: 9.383 },
  { tailNumber: 'XX-HEB', callsign: 'LARK2', icao24: 'f00a02', latitude: 47.367, longitude: 8.501 },
  { tailNumber: 'XX-HEC', callsign: 'HERON3', icao24: 'f00a03', latitude: 46.943, longitude: 7.497 },
  { tailNumber: 'XX-HED', callsign: 'HERON4', icao24: 'f00a04', latitude: 46.233, longitude: 6.109 },
  { tailNumber: 'XX-HEF', callsign: 'SWIFT5', icao24: 'f00a05', latitude: 46.003, longitude: 8.91 },
]

const observations = 60
const secondsApart = 8

/** Climbs, flies out, hovers over a place, comes back and lands. Altitudes in feet, speeds in knots. */
export function recordFlight(aircraft: Aircraft, beginsAt: number, random: () => number): Observation[] {
  const cruise = 2_500 + 250 * Math.floor(random() * 12)
  const ground = 1_250 + 25 * Math.floor(random() * 20)
  const course = 360 * random()
  const speed = 90 + 40 * random()
  const squawk = String(7_000 + Math.floor(random() * 8) * 10)
  // Where the receiver heard no position at all; distances cannot be measured then.
  const hasPositions = random() > 0.03
  let { latitude, longitude } = aircraft
  let altitude = ground
  return Array.from({ length: observations }, (_, at) => {
    const part = at / (observations - 1)
    const isOut = part < 0.4
    const isHovering = part >= 0.4 && part < 0.55
    const target = part < 0.6 ? cruise : ground
    const climb = Math.max(-1_400, Math.min(1_600, (target - altitude) * 6 + 120 * (random() - 0.5)))
    altitude = Math.max(ground, altitude + (climb * secondsApart) / 60)
    const groundspeed = isHovering ? 6 * random() : speed * Math.min(1, 4 * part, 6 * (1.02 - part))
    const track = (isOut ? course : course + 180) % 360
    const miles = (groundspeed * secondsApart) / 3_600
    latitude += (miles / 60) * Math.cos((track * Math.PI) / 180)
    longitude += (miles / 60 / Math.cos((latitude * Math.PI) / 180)) * Math.sin((track * Math.PI) / 180)
    const timestamp = beginsAt + at * secondsApart * 1_000
    return {
      timestamp: String(timestamp),
      icao24: aircraft.icao24,
      ...(hasPositions
        ? {
            latitude: latitude.toFixed(6),
            longitude: longitude.toFixed(6),
            last_position: String(timestamp - Math.floor(900 * random())),
          }
        : {}),
      groundspeed: groundspeed.toFixed(1),
      track: track.toFixed(1),
      vertical_rate: (64 * Math.round(climb / 64)).toFixed(1),
      callsign: aircraft.callsign,
      squawk,
      altitude: (25 * Math.round(altitude / 25)).toFixed(1),
      alert: 'False',
      geoaltitude: (25 * Math.round((altitude + 210) / 25)).toFixed(1),
      hour: String(3_600_000 * Math.floor(timestamp / 3_600_000)),
      onground: altitude <= ground + 15 ? 'True' : 'False',
      spi: 'False',
    }
  })
}
