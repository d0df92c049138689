"use client";
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { Select } from "@/ui/select";

/** Every service that sent logs or spans lately. */
export function ServiceSelect({
  value,
  onChange,
}: {
  value: string | null;
  onChange: (value: string) => void;
}) {
  const services = useQuery({
    queryKey: ["services"],
    queryFn: () => bodyOf(api.GET("/api/v1/telemetry/services")),
    refetchInterval: 30_000,
  });
  const names = services.data?.items.map((item) => item.service) ?? [];
  const options = [
    { value: "", label: "All services" },
    ...names.map((name) => ({ value: name, label: name })),
  ];
  return <Select label="Service" value={value ?? ""} options={options} onChange={onChange} />;
}
