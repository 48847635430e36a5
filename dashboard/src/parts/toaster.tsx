import { href } from '../router.ts';
import { dismiss, said, type Toast, toasts } from '../toasts.ts';
import { Icon } from './icon.tsx';

export const Toaster = () => (
  <>
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <One key={toast.id} toast={toast} />
      ))}
    </div>
    <p class="unseen" role="status" aria-live="polite">
      {said}
    </p>
  </>
);

const One = ({ toast: { id, tone, text, code, next, link } }: { readonly toast: Toast }) => (
  <div class={`toast ${tone}`}>
    <p>
      {text} {next} {code && <code>{code}</code>} {link && 'to' in link && <a href={href(link.to)}>{link.text}</a>}
      {link && 'run' in link && (
        <button
          type="button"
          class="button small"
          onClick={() => {
            dismiss(id);
            link.run();
          }}
        >
          {link.text}
        </button>
      )}
    </p>
    <button type="button" class="button plain" aria-label="Dismiss this message" onClick={() => dismiss(id)}>
      <Icon name="close" />
    </button>
  </div>
);
