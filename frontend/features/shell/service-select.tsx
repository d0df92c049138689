"use client";
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { EVERYTHING } from "@/lib/scope";
import { Select } from "@/ui/select";

const SCOPES = [
  { value: "", label: "Application" },
  { value: EVERYTHING, label: "Everything" },
];

/** The application as a whole, everything with the platform's own, or one service; `all` where those are one. */
export function ServiceSelect({
  value,
  onChange,
  all,
}: {
  value: string | null;
  onChange: (value: string) => void;
  all?: string;
}) {
  const services = useQuery({
    queryKey: ["services"],
    queryFn: () => bodyOf(api.GET("/api/v1/telemetry/services")),
    refetchInterval: 30_000,
  });
  const names = services.data?.items.map((item) => item.service) ?? [];
  const options = [
    ...(all === undefined ? SCOPES : [{ value: "", label: all }]),
    ...names.map((name) => ({ value: name, label: name })),
  ];
  return <Select label="Whose" value={value ?? ""} options={options} onChange={onChange} />;
}
