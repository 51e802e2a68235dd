using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Platform;
using Jitvmm.Devices.Time;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Processors;

/// <summary>What the paravirtual parts of all processors share of their machine.</summary>
internal sealed class ParavirtualMachine(Machine machine, IReadOnlyList<CpuPlatform> processors, MachineConfiguration configuration)
{
    private const int Wires = 24;

    private readonly InterruptLine?[] _lines = new InterruptLine?[Wires];

    public PhysicalMemory Memory => machine.Memory;

    public ApicBus Apics => machine.Apics;

    public TimerQueue Timers => machine.Timers;

    public IMachineControl Control => machine;

    public IReadOnlyList<CpuPlatform> Processors => processors;

    /// <summary>UTC at machine time 0: ns since 1970.</summary>
    public long UtcAtStart { get; } = (configuration.UtcAtStart - DateTime.UnixEpoch).Ticks * (1_000_000_000 / TimeSpan.TicksPerSecond);

    public IReadOnlyList<(ulong Address, ulong Length, uint Type)> MemoryRanges { get; } =
        [.. machine.Map.Ranges.Select(static (MemoryRange range) => (range.Address, range.Length, range.Type))];

    /// <summary>Drives a wire. Its callers hold one lock.</summary>
    public void SetLine(uint wire, bool high)
    {
        if (wire < Wires)
        {
            (_lines[wire] ??= machine.Pci.AttachTo((int)wire) ?? machine.Interrupts.Line((int)wire)).Set(high);
        }
    }

    public void WriteConsole(ReadOnlySpan<byte> text) => _ = configuration.DebugOutput.TryWrite(text);
}
