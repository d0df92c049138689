"use client";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { HOME } from "@/lib/return-path";

export default function Start() {
  const router = useRouter();
  useEffect(() => router.replace(HOME), [router]);
  return null;
}
