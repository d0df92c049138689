import Link from "next/link";
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { cx } from "./cx";

type Look = "primary" | "plain" | "quiet";
const LOOKS: Readonly<Record<Look, string>> = {
  primary: "bg-accent text-on-accent border-accent hover:brightness-110",
  plain: "bg-raised text-ink border-line-strong hover:border-accent",
  quiet: "bg-transparent text-ink-soft border-transparent hover:bg-sunken hover:text-ink",
};
const SHAPE =
  "inline-flex h-8 items-center justify-center gap-1.5 whitespace-nowrap rounded border px-2.5 text-[13px] font-medium transition-colors disabled:opacity-50";

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look };

export function Button({ look = "plain", className, type = "button", ...rest }: Props) {
  return <button type={type} className={cx(SHAPE, LOOKS[look], className)} {...rest} />;
}

export function IconButton({ label, className, ...rest }: Props & { label: string }) {
  return (
    <Button look="quiet" aria-label={label} title={label} className={cx("w-8 px-0", className)} {...rest} />
  );
}

export function LinkButton({
  href,
  look = "plain",
  children,
}: {
  href: string;
  look?: Look;
  children: ReactNode;
}) {
  return (
    <Link href={href} className={cx(SHAPE, LOOKS[look])}>
      {children}
    </Link>
  );
}
