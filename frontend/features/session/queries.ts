"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { api, bodyOf, rememberCsrfToken } from "@/api/client";
import type { Session } from "@/api/types";

const KEY = ["session"] as const;

function remembered(session: Session): Session {
  rememberCsrfToken(session.csrf_token ?? null);
  return session;
}

export function useSession() {
  return useQuery({
    queryKey: KEY,
    queryFn: async () => remembered(await bodyOf(api.GET("/api/v1/auth/session"))),
    staleTime: 60_000,
    refetchInterval: 60_000,
  });
}

export type Credentials = { email: string; password: string };

export function useLogIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: Credentials) =>
      remembered(await bodyOf(api.POST("/api/v1/auth/login", { body }))),
    onSuccess: (session) => client.setQueryData(KEY, session),
  });
}

export type Setup = { token: string; password: string; email: string | null };

export function useSetUp() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: Setup) =>
      remembered(await bodyOf(api.POST("/api/v1/auth/password-setup", { body }))),
    onSuccess: (session) => client.setQueryData(KEY, session),
  });
}

export function useLogOut() {
  const client = useQueryClient();
  const router = useRouter();
  return useMutation({
    mutationFn: () => bodyOf(api.POST("/api/v1/auth/logout")),
    onSettled: () => {
      rememberCsrfToken(null);
      client.clear();
      router.replace("/login/");
    },
  });
}
