import type { Metadata } from "next";
import { Suspense } from "react";
import { RecoveryPage } from "@/features/recovery/recovery-page";

export const metadata: Metadata = { title: "Recovery" };

export default function Page() {
  return (
    <Suspense>
      <RecoveryPage />
    </Suspense>
  );
}
