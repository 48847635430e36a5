/** Small pictures beside words, drawn here so that nothing is loaded for them. Never the only thing that tells something. */
const PATHS = {
  overview: 'M2 13h3V8H2zM6.5 13h3V3h-3zM11 13h3V6h-3z',
  jobs: 'M2 3.5h12M2 8h12M2 12.5h8',
  queues: 'M2 3h12v3H2zM2 10h12v3H2zM4.5 6v4M8 6v4M11.5 6v4',
  schedules: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v3.2l2.2 1.6',
  batches: 'M2 3h9M4 6.5h8M3 10h6M7 13.5h7',
  workers: 'M5 5h6v6H5zM5 2v2M8 2v2M11 2v2M5 12v2M8 12v2M11 12v2M2 5h2M2 8h2M2 11h2M12 5h2M12 8h2M12 11h2',
  errors: 'M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.4',
  audit: 'M3 2h7l3 3v9H3zM10 2v3h3M5.5 8h5M5.5 11h5',
  settings: 'M2 4h6M12 4h2M10 2.5v3M2 8h2M8 8h6M6 6.5v3M2 12h7M13 12h1M11 10.5v3',
  upload: 'M8 11V2.5M4.5 6 8 2.5 11.5 6M2.5 11v2.5h11V11',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.4 10.4 14 14',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
  menu: 'M2 4h12M2 8h12M2 12h12',
  out: 'M6 3H3v10h10v-3M9 2.5h4.5V7M13.5 2.5 7.5 8.5',
  leave: 'M7 3H3v10h4M10.5 5l3 3-3 3M13.5 8H6.5',
  chevron: 'M6 3.5 10.5 8 6 12.5',
  keyboard: 'M1.5 4h13v8h-13zM4 6.7h.5M6.5 6.7H7M9 6.7h.5M11.5 6.7h.5M4.5 9.5h7',
  more: 'M3.2 8h.1M8 8h.1M12.8 8h.1',
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
