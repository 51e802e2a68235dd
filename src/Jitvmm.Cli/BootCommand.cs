using System.Runtime.InteropServices;
using Jitvmm.Devices.Platform;

namespace Jitvmm.Cli;

/// <summary><c>jitvmm boot</c>.</summary>
internal static class BootCommand
{
    /// <summary>SIGWINCH by its number on Linux.</summary>
    private const PosixSignal WindowChanged = (PosixSignal)28;

    public static int Run(BootCommandLine line)
    {
        using var guest = new MachineGuest(line.ToOptions());
        if (guest.Options.Inspect)
        {
            Console.Error.WriteLine($"jitvmm: process {Environment.ProcessId} can be inspected: jitvmm cache top --attach {Environment.ProcessId}");
        }

        bool usesTerminal = line.Serial == SerialTarget.Terminal || guest.Options.Console;
        using Stream? file = line.Serial == SerialTarget.File ? OpenFile(line.SerialPath) : null;
        using RawTerminal? terminal = usesTerminal ? RawTerminal.TryEnter() : null;
        var streams = new BootTerminal(guest);
        streams.Write(guest.DebugOutput, BootTerminal.StandardStream(2, FileAccess.Write));
        if (file != null)
        {
            streams.Write(guest.SerialOutput, file);
        }
        else if (line.Serial == SerialTarget.None)
        {
            streams.Write(guest.SerialOutput, Stream.Null);
        }

        if (usesTerminal)
        {
            streams.Start(terminal != null, line.Serial == SerialTarget.Terminal);
        }

        using PosixSignalRegistration resized = PosixSignalRegistration.Create(WindowChanged, _ => TellSize(guest));
        TellSize(guest);

        // A kernel that panics and reboots for ever should not look like one that hangs.
        guest.Restarted += (_, _) => Console.Error.Write("jitvmm: the guest reset the machine, which starts anew (--no-reboot ends it instead)\r\n");
        MachineOutcome outcome = guest.Run();
        streams.Finish();
        terminal?.Dispose();
        if (line.Statistics)
        {
            Console.Error.Write(guest.Statistics());
        }

        Console.Error.Write(guest.DumpCode());
        if (guest.CacheProblem is { } problem)
        {
            Console.Error.WriteLine($"jitvmm: cache file {problem}");
        }

        if (guest.TierSamplesProblem is { } trouble)
        {
            Console.Error.WriteLine($"jitvmm: tier samples {trouble}");
        }

        return Report(guest, outcome);
    }

    private static int Report(MachineGuest guest, MachineOutcome outcome)
    {
        switch (outcome.End)
        {
            case MachineEnd.Exited:
                return outcome.Status;
            case MachineEnd.Crashed:
                Console.Error.WriteLine("jitvmm: the guest says that it has crashed");
                return ExitCodes.GuestCrashed;
            case MachineEnd.TripleFault:
                Console.Error.Write(guest.CrashReport);
                Console.Error.WriteLine("jitvmm: the guest crashed (triple fault)");
                return ExitCodes.GuestCrashed;
            case MachineEnd.Failed:
                Console.Error.WriteLine($"jitvmm: internal error on processor {outcome.Processor}: {outcome.Failure}");
                return ExitCodes.VmmError;
            default:
                return ExitCodes.Success;
        }
    }

    private static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw MachineGuestException.ForFile("serial file", path, error);
        }
    }

    private static void TellSize(MachineGuest guest)
    {
        (int columns, int rows) = RawTerminal.WindowSize();
        if (columns > 0)
        {
            guest.ResizeConsole(columns, rows);
        }
    }
}
