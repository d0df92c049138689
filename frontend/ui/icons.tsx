import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 16 16"
      aria-hidden="true"
      className="size-4 shrink-0"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {children}
    </svg>
  );
}

export const OverviewIcon = () => (
  <Icon>
    <path d="M1.5 9h3l2-6 3 10 2-4h3" />
  </Icon>
);
export const LogsIcon = () => (
  <Icon>
    <path d="M2.5 3.5h11M2.5 8h7M2.5 12.5h9" />
  </Icon>
);
export const TracesIcon = () => (
  <Icon>
    <path d="M1.5 3.5h10M4.5 8h6M8 12.5h6.5" strokeWidth="2.4" />
  </Icon>
);
export const ExceptionsIcon = () => (
  <Icon>
    <path d="M8 1.8 14.6 13.5H1.4zM8 6v3.5m0 2v.1" />
  </Icon>
);
export const MetricsIcon = () => (
  <Icon>
    <path d="M2 13.5h12M4 11V8m4 3V3m4 8V5.5" strokeWidth="1.8" />
  </Icon>
);
export const InfrastructureIcon = () => (
  <Icon>
    <rect x="2" y="2.5" width="12" height="4.5" rx="1" />
    <rect x="2" y="9" width="12" height="4.5" rx="1" />
    <path d="M4.5 4.75h.1m-.1 6.5h.1" strokeWidth="2" />
  </Icon>
);
export const SqlIcon = () => (
  <Icon>
    <ellipse cx="8" cy="3.8" rx="5.5" ry="2" />
    <path d="M2.5 3.8v8.4c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2V3.8M2.5 8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2" />
  </Icon>
);
export const DeletionIcon = () => (
  <Icon>
    <path d="M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7.2v3.8M9.3 7.2v3.8" />
  </Icon>
);
export const MenuIcon = () => (
  <Icon>
    <path d="M2 4h12M2 8h12M2 12h12" />
  </Icon>
);
export const ReleasesIcon = () => (
  <Icon>
    <path d="M8 1.5v8M5 4.5l3-3 3 3M2.5 9v5h11V9" />
  </Icon>
);
export const RecoveryIcon = () => (
  <Icon>
    <path d="M2.5 8a5.5 5.5 0 1 1 1.7 4M2.5 8 1 6.2M2.5 8l2-1.6M8 5v3.2l2.2 1.3" />
  </Icon>
);
export const BookmarkIcon = () => (
  <Icon>
    <path d="M4 2h8v12l-4-3-4 3z" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m3 8.5 3.2 3L13 4.5" />
  </Icon>
);
export const ExcludeIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.5" />
    <path d="M4.2 11.8 11.8 4.2" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m4 4 8 8m0-8-8 8" />
  </Icon>
);
export const PauseIcon = () => (
  <Icon>
    <path d="M5.5 3.5v9m5-9v9" strokeWidth="2" />
  </Icon>
);
export const PlayIcon = () => (
  <Icon>
    <path d="m5 3.5 7 4.5-7 4.5z" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="2.8" />
    <path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1m8 8 1 1M3 13l1-1m8-8 1-1" />
  </Icon>
);
export const SystemIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
  </Icon>
);
export const LeaveIcon = () => (
  <Icon>
    <path d="M6.5 2.5h-4v11h4M6 8h8m-3-3 3 3-3 3" />
  </Icon>
);
export const ChevronIcon = ({ open }: { open: boolean }) => (
  <Icon>{open ? <path d="m4 6 4 4 4-4" /> : <path d="m6 4 4 4-4 4" />}</Icon>
);

export const UpIcon = () => (
  <Icon>
    <path d="m4 10 4-4 4 4" />
  </Icon>
);
export const DownIcon = () => (
  <Icon>
    <path d="m4 6 4 4 4-4" />
  </Icon>
);

export const FilterIcon = () => (
  <Icon>
    <path d="M2 3.5h12L9.5 9v4l-3-1.5V9z" />
  </Icon>
);

/** The mark: a trace's bars seen through a sight. */
export function Mark() {
  return (
    <svg
      viewBox="0 0 24 24"
      aria-hidden="true"
      className="size-6 shrink-0 text-accent"
      fill="none"
      stroke="currentColor"
    >
      <circle cx="12" cy="12" r="10" strokeWidth="1.6" />
      <path d="M5 9h8M8.5 12.5h10M12 16h5" strokeWidth="2.2" strokeLinecap="round" />
    </svg>
  );
}
