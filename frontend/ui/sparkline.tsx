import { sparklinePath } from "./sparkline-path";

type Props = { values: readonly (number | null)[]; max?: number; label: string };
const WIDTH = 96;
const HEIGHT = 22;

/** A word-sized chart. Gaps stay gaps. */
export function Sparkline({ values, max, label }: Props) {
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className="block h-[22px] w-full min-w-24 text-accent"
    >
      <path d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} stroke="var(--line)" vectorEffect="non-scaling-stroke" />
      <path
        d={sparklinePath(values, WIDTH, HEIGHT, max)}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.3"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
