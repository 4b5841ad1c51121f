/** The name with its drawing: a track, a point, a train. */
export const Brand = () => (
  <a class="brand" href="/">
    <svg class="brand__mark" viewBox="0 0 24 24" aria-hidden="true">
      <rect width="24" height="24" rx="2" />
      <path d="M3 16h18M8.5 16l5.5-8h7" />
      <circle cx="5.5" cy="16" r="2.4" />
    </svg>
    Signalbox
  </a>
)
