"use client";
import { useEffect, useRef, useState } from "react";
import { Field } from "./field";

type Props = {
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
  inputMode?: "numeric";
};
const SETTLED_MS = 400;

/** Tells its text when the writer pauses, or presses Enter. Esc leaves the field. */
export function SearchField({ label, placeholder, value, onChange, className = "", inputMode }: Props) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  useEffect(() => {
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    // What was told once and not taken over, as it cannot be read, is not told again.
    if (text === value || text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text;
      onChange(text);
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <Field
      label={label}
      hideLabel
      type="search"
      placeholder={placeholder}
      value={text}
      className={className}
      inputMode={inputMode}
      maxLength={1024}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => setText(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") onChange(text);
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}
