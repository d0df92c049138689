import type { Metadata } from "next";
import { Suspense } from "react";
import { DeletionPage } from "@/features/deletion/deletion-page";

export const metadata: Metadata = { title: "Deletion" };

export default function Page() {
  return (
    <Suspense>
      <DeletionPage />
    </Suspense>
  );
}
