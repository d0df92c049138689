import type { Metadata } from "next";
import { Suspense } from "react";
import { ExceptionsPage } from "@/features/exceptions/exceptions-page";

export const metadata: Metadata = { title: "Exceptions" };

export default function Page() {
  return (
    <Suspense>
      <ExceptionsPage />
    </Suspense>
  );
}
