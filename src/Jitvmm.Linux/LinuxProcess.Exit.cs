using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <content>The end of the process.</content>
public sealed unsafe partial class LinuxProcess
{
    private const long SysExitGroup = 231;

    private VforkChannel? _vforkChannel;
    private int _exiting;

    /// <summary>exit_group: ends the process, every thread included. Does not return.</summary>
    internal void Exit(int status)
    {
        PrepareEnd(status & 0xff);
        for (; ; )
        {
            _ = HostCalls.Raw(SysExitGroup, (ulong)(status & 0xff));
        }
    }

    /// <summary>Ends the process by a signal, so that whoever waits sees it died of that. Does not return.</summary>
    internal void DieOf(GuestThread thread, in SignalInfo info, in SignalFault fault)
    {
        int signal = info.Signal;
        if ((IsTopLevel || Tracer != null) && !Options.Quiet && signal != Signal.SIGKILL)
        {
            CrashReport.Write(this, thread, in info, in fault);
        }

        PrepareEnd(128 + signal);
        HostSignals.SetDefault(signal);
        ulong mask = ~Signal.Bit(signal);
        _ = HostCalls.Raw(14, 2, (ulong)&mask, 0, 8);
        for (; ; )
        {
            _ = HostCalls.Raw(SysTgkill, (ulong)Pid, (ulong)thread.Tid, (ulong)signal);
        }
    }

    private void PrepareEnd(int status)
    {
        if (Interlocked.Exchange(ref _exiting, 1) != 0)
        {
            // Another thread ends the process already; its status counts.
            for (; ; )
            {
                _ = HostCalls.Raw(SysPause);
            }
        }

        _vforkChannel?.Finish(this);
        Exiting?.Invoke(status);
        if (IsTopLevel)
        {
            Session.Objects.RemoveAll();
            Files.View.Dispose();
        }
    }
}
