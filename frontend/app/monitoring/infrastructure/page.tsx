import type { Metadata } from "next";
import { Suspense } from "react";
import { InfrastructurePage } from "@/features/infrastructure/infrastructure-page";

export const metadata: Metadata = { title: "Infrastructure" };

export default function Page() {
  return (
    <Suspense>
      <InfrastructurePage />
    </Suspense>
  );
}
