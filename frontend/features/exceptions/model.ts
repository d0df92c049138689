/** How exceptions are called, and how often they happened over time. */
import type { ErrorGroup, ExceptionDetail } from "@/api/types";
import { quoted } from "@/features/search/terms";

const WITHOUT_TYPE = "Without a type";

/** `shop.payments.TimeoutError` is `TimeoutError` of `shop.payments`. */
export function nameOf({ type }: Pick<ErrorGroup, "type">): { readonly name: string; readonly of: string } {
  const at = Math.max(type.lastIndexOf("."), type.lastIndexOf("/"), type.lastIndexOf("\\"));
  if (type === "") return { name: WITHOUT_TYPE, of: "" };
  return { name: type.slice(at + 1), of: at > 0 ? type.slice(0, at) : "" };
}

export function headlineOf({ message }: Pick<ErrorGroup, "message">): string {
  return (
    message
      .split("\n")
      .find((line) => line.trim() !== "")
      ?.trim() ?? ""
  );
}

/** The search that finds log lines with this exception; null where it has no type. */
export function linesWith({ type }: Pick<ErrorGroup, "type">): string | null {
  return type === "" ? null : `exception.type:${quoted(type)}`;
}

/** A slot without an occurrence had none: here nothing is a zero, as every occurrence is counted. */
export function countsOf(detail: Pick<ExceptionDetail, "points">) {
  return {
    times: detail.points.map((point) => Date.parse(point.t) / 1000),
    values: detail.points.map((point) => point.occurrences),
  };
}
