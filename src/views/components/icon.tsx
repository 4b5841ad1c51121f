const paths = {
  add: 'M8 3v10M3 8h10',
  run: 'm5 3 7.5 5L5 13Z',
  stop: 'M4 4h8v8H4Z',
  delete: 'M2.5 4.5h11M6 4V2.5h4V4m-5.5.5.5 9h6l.5-9',
  edit: 'm3 13 .7-3L11 2.7 13.3 5 6 12.3Z',
  upload: 'M8 11V2.5M4.5 6 8 2.5 11.5 6M2.5 13.5h11',
  download: 'M8 2.5V11M4.5 7.5 8 11l3.5-3.5M2.5 13.5h11',
  copy: 'M5.5 5.5h8v8h-8ZM10.500 5V2.500h-8v8H5',
} as const

/** A small drawing inside a button; the button's own word says what it does. */
export const Icon = ({ name }: { name: keyof typeof paths }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
    <path d={paths[name]} />
  </svg>
)
