import type { Metadata } from "next";
import { Suspense } from "react";
import { MetricsPage } from "@/features/metrics/metrics-page";

export const metadata: Metadata = { title: "Metrics" };

export default function Page() {
  return (
    <Suspense>
      <MetricsPage />
    </Suspense>
  );
}
