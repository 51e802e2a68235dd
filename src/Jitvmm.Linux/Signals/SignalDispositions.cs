using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux.Signals;

/// <summary>
/// What each signal does to a guest process. Whatever the guest has no handler for, the host kernel does:
/// default actions and ignoring are the host process's own dispositions.
/// </summary>
public sealed class SignalDispositions
{
    private readonly SignalAction[] _actions = new SignalAction[Signal.Last + 1];
    private readonly Lock _gate = new();

    /// <summary>Takes over what the host process was started with, undoing what CoreCLR changed.</summary>
    public void Inherit()
    {
        for (int signal = 1; signal <= Signal.Last; signal++)
        {
            if ((Signal.Bit(signal) & HostSignals.Mirrored) == 0)
            {
                continue;
            }

            // CoreCLR ignores SIGPIPE in its own start, before anybody can see what it was.
            bool ignored = signal != Signal.SIGPIPE && HostSignals.IsIgnored(signal);
            _actions[signal].Handler = ignored ? SignalAction.Ignore : SignalAction.Default;
            if (!ignored)
            {
                HostSignals.Set(signal, SignalTarget.Default, 0);
            }
        }
    }

    public SignalAction this[int signal]
    {
        get
        {
            lock (_gate)
            {
                return _actions[signal];
            }
        }
    }

    /// <summary>rt_sigaction; returns what was there.</summary>
    public SignalAction Set(int signal, in SignalAction action)
    {
        lock (_gate)
        {
            SignalAction old = _actions[signal];
            _actions[signal] = action;
            _actions[signal].Mask &= ~(Signal.Bit(Signal.SIGKILL) | Signal.Bit(Signal.SIGSTOP));
            Apply(signal);
            return old;
        }
    }

    /// <summary>Makes a signal's action the default one, as SA_RESETHAND and forced signals do.</summary>
    public void Reset(int signal)
    {
        lock (_gate)
        {
            _actions[signal].Handler = SignalAction.Default;
            Apply(signal);
        }
    }

    /// <summary>What exec does: handlers go, ignored signals stay ignored.</summary>
    public void ResetHandlers()
    {
        lock (_gate)
        {
            for (int signal = 1; signal <= Signal.Last; signal++)
            {
                bool handled = _actions[signal].IsHandled;
                ulong handler = handled ? SignalAction.Default : _actions[signal].Handler;
                bool flagged = _actions[signal].Flags != 0;
                _actions[signal] = new SignalAction { Handler = handler };
                if (handled || flagged)
                {
                    Apply(signal);
                }
            }
        }
    }

    /// <summary>The signals ignored and caught, as bit masks, for /proc/self/status.</summary>
    public (ulong Ignored, ulong Caught) Masks()
    {
        ulong ignored = 0;
        ulong caught = 0;
        lock (_gate)
        {
            for (int signal = 1; signal <= Signal.Last; signal++)
            {
                ignored |= _actions[signal].Handler == SignalAction.Ignore ? Signal.Bit(signal) : 0;
                caught |= _actions[signal].IsHandled ? Signal.Bit(signal) : 0;
            }
        }

        return (ignored, caught);
    }

    private void Apply(int signal)
    {
        if ((Signal.Bit(signal) & HostSignals.Mirrored) == 0)
        {
            return;
        }

        ref SignalAction action = ref _actions[signal];
        SignalTarget target = action.Handler switch
        {
            SignalAction.Default => SignalTarget.Default,
            SignalAction.Ignore => SignalTarget.Ignore,
            _ => SignalTarget.Record,
        };
        HostSignals.Set(signal, target, action.Flags);
    }
}
