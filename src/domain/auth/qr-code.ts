import { encode } from 'uqr'

/**
 * A QR code (ISO/IEC 18004), drawn as one path of an SVG.
 * @param text up to about 2,000 characters; more throws
 * @returns edge length in modules with the quiet zone of four on each side, and the path of its dark modules
 */
export function qrPath(text: string): { readonly size: number; readonly path: string } {
  const { size, data } = encode(text, { ecc: 'M', border: 4 })
  const path = data
    .flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
    .join('')
  return { size, path }
}
