import { shortDigest } from './format.ts'

/** A SHA-256, shortened, whole in the title and on paper, with a button that copies it. */
export const Digest = ({ value, of }: { value: string; of: string }) => (
  <span class="digest">
    <span class="id only-screen" title={value}>
      {shortDigest(value)}
    </span>
    <span class="id only-print">{value}</span>
    <button
      class="button button--s button--quiet"
      type="button"
      data-copy={value}
      aria-label={`Copy the SHA-256 of ${of}`}
    >
      Copy
    </button>
  </span>
)
