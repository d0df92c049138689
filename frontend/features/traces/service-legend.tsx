/** The colours of services, by their number. */
export function ServiceLegend({ services }: { services: ReadonlyMap<string, number> }) {
  return (
    <ul aria-label="Services" className="flex flex-wrap gap-x-4 text-[12.5px]">
      {[...services].map(([name, number]) => (
        <li key={name} className="flex items-center gap-1.5">
          <span
            aria-hidden="true"
            className="size-2.5 rounded-sm"
            style={{ background: `var(--series-${number % 8})` }}
          />
          {name}
        </li>
      ))}
    </ul>
  );
}
