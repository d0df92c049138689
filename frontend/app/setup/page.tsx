import type { Metadata } from "next";
import { Suspense } from "react";
import { SetupPage } from "@/features/session/setup-page";

export const metadata: Metadata = { title: "Set your password" };

export default function Page() {
  return (
    <Suspense>
      <SetupPage />
    </Suspense>
  );
}
