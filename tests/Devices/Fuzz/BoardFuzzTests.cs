using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Platform;
using Jitvmm.Devices.Processors;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>
/// A complete machine, with every device, attacked through what a guest's instructions reach: ports, physical addresses, configuration space and model-specific
/// registers, in all widths and at all offsets, while time passes, interrupts are taken and the host types.
/// </summary>
public sealed class BoardFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const ulong RamSize = 16 << 20;
    private const ulong PatternStart = 2 << 20;
    private const int Operations = 30_000;
    private const int ConfigurationAddress = 0xcf8;

    /// <summary>First ports of the chips, and the BIOS's debug port.</summary>
    private static readonly ushort[] s_ports =
        [0x20, 0xa0, 0x4d0, 0x40, 0x61, 0x70, 0x3f8, 0x600, 0x60, 0x64, 0x92, 0xcf8, 0xcf9, 0xcfc, 0x80, 0xe9, 0xf0, 0xf4, 0x402];

    private readonly string _folder = Directory.CreateTempSubdirectory("board").FullName;
    private readonly ByteChannel _consoleInput = new(256);
    private readonly ByteChannel _consoleOutput = new(256);
    private readonly byte[] _taken = new byte[512];
    private readonly List<(ulong Address, ulong Length)> _ranges = [];
    private readonly List<(ulong Register, ulong Value)> _bars = [];
    private long _now;

    public void Dispose() => Directory.Delete(_folder, true);

    /// <summary>Functions that may not reach memory leave it alone, whatever is written to them.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Registers_take_anything_and_touch_no_memory(int seed) => Attack(seed, false);

    /// <summary>The same with functions that may, at whatever addresses the attack gave them.</summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Bus_masters_take_anything(int seed) => Attack(seed, true);

    private void Attack(int seed, bool mastersBus)
    {
        using var memory = new PhysicalMemory();
        using Machine machine = Build(memory);
        GuardedMemory? guard = mastersBus ? null : new GuardedMemory(memory, PatternStart, RamSize);
        LearnRanges(machine);
        new FuzzRun(output).Attack(seed, Operations, random => Act(random, machine, mastersBus), () => Check(machine, guard));
    }

    private Machine Build(PhysicalMemory memory)
    {
        string[] disks = ["virtio", "nvme", "nvme-msi", "read-only"];
        foreach (string name in disks)
        {
            File.WriteAllBytes(Path.Combine(_folder, name), new byte[1 << 16]);
        }

        string share = Directory.CreateDirectory(Path.Combine(_folder, "share")).FullName;
        var configuration = new MachineConfiguration
        {
            Memory = RamSize,
            Processors = 2,
            Kernel = KernelImages.Multiboot(),
            SerialInput = new ByteChannel(64),
            SerialOutput = new ByteChannel(64),
            DebugOutput = new ByteChannel(64),
            ConsoleInput = _consoleInput,
            ConsoleOutput = _consoleOutput,
            Disks =
            [
                new DiskConfiguration(Path.Combine(_folder, "virtio")),
                new DiskConfiguration(Path.Combine(_folder, "nvme"), Bus: DiskBus.Nvme),
                new DiskConfiguration(Path.Combine(_folder, "nvme-msi"), Bus: DiskBus.NvmeMsi),
                new DiskConfiguration(Path.Combine(_folder, "read-only"), IsReadOnly: true),
            ],
            Shares = [new ShareConfiguration(share, "share")],
        };
        return new Machine(configuration, memory, _ => throw new InvalidOperationException("it does not run"));
    }

    private void LearnRanges(Machine machine)
    {
        _ranges.AddRange(
        [
            (LocalApic.DefaultAddress, 0x1000), (IoApic.Address, IoApic.Length), (AddressMap.Hpet, 0x400), (AddressMap.Ecam, 0x10000),
            (AddressMap.Ecam, AddressMap.EcamLength), (0xe0000, 0x20000), (AddressMap.PciWindow, 0x100000),
        ]);
        for (int slot = 0; slot < 16; slot++)
        {
            for (int bar = 0; bar < 6; bar++)
            {
                ulong register = AddressMap.Ecam + ((ulong)slot << 15) + 0x10 + 4 * (ulong)bar;
                ulong address = machine.Memory.ReadBus(register, 4);
                if (address is not (0 or uint.MaxValue))
                {
                    _bars.Add((register, address));
                    _ranges.Add((address & ~15ul, 0x4000));
                }
            }
        }
    }

    private void Act(Random random, Machine machine, bool mastersBus)
    {
        CpuPlatform processor = machine.Processors[random.Next(2)];
        LocalApicWindow.Enter(processor.Apic);
        switch (random.Next(16))
        {
            case <= 4:
                AccessPort(random, processor);
                break;
            case <= 9:
                AccessMemory(random, machine.Memory);
                break;
            case <= 11:
                AccessConfiguration(random, machine, processor, mastersBus);
                break;
            case 12:
                AccessRegister(random, processor);
                break;
            case 13:
                Pass(random, machine);
                break;
            default:
                ActAsHost(random, machine, processor);
                break;
        }

        if (!mastersBus)
        {
            ForbidMastering(machine);
        }
    }

    private static void AccessPort(Random random, CpuPlatform processor)
    {
        ushort port = random.Next(8) == 0 ? (ushort)random.Next(0x10000) : (ushort)(s_ports[random.Next(s_ports.Length)] + random.Next(-3, 16));
        int bytes = 1 << random.Next(3);
        if (random.Next(2) == 0)
        {
            _ = processor.ReadPort(port, bytes);
        }
        else
        {
            processor.WritePort(port, bytes, (uint)FuzzRun.Interesting(random, RamSize));
        }
    }

    private void AccessMemory(Random random, PhysicalMemory memory)
    {
        (ulong start, ulong length) = _ranges[random.Next(_ranges.Count)];
        ulong address = start + (random.Next(4) == 0 ? (ulong)random.NextInt64((long)length + 8) : (ulong)random.NextInt64((long)length) & ~3ul);
        int bytes = 1 << random.Next(4);
        if (random.Next(40) == 0)
        {
            // Beyond RAM there is nothing, up to the last address and past it.
            address = RamSize + (ulong)random.NextInt64() % (random.Next(2) == 0 ? 1ul << 32 : PhysicalMemory.Limit);
        }

        if (random.Next(2) == 0)
        {
            _ = memory.ReadBus(address, bytes);
        }
        else
        {
            memory.WriteBus(address, bytes, FuzzRun.Cut(FuzzRun.Interesting(random, RamSize), bytes));
        }
    }

    private void AccessConfiguration(Random random, Machine machine, CpuPlatform processor, bool mastersBus)
    {
        if (random.Next(4) == 0)
        {
            // Back to where the attack on its registers looks for it.
            (ulong register, ulong address) = _bars[random.Next(_bars.Count)];
            machine.Memory.WriteBus(register, 4, address);
            machine.Memory.WriteBus((register & ~0xffful) + 4, 1, 2);
            return;
        }

        uint slot = (uint)random.Next(12);
        uint offset = (uint)random.Next(random.Next(4) == 0 ? 4096 : 0x100);
        int bytes = 1 << random.Next(3);
        uint value = (uint)FuzzRun.Interesting(random, RamSize);
        if (mastersBus && random.Next(2) == 0)
        {
            (offset, bytes, value) = (4, 2, 6);
        }

        if (random.Next(2) == 0)
        {
            processor.WritePort(ConfigurationAddress, 4, 0x80000000 | (slot << 11) | (offset & 0xfc));
            ushort port = (ushort)(0xcfc + (offset & 3));
            processor.WritePort(port, bytes, value);
            _ = processor.ReadPort(port, bytes);
        }
        else
        {
            ulong address = AddressMap.Ecam + ((ulong)slot << 15) + offset;
            machine.Memory.WriteBus(address, bytes, FuzzRun.Cut(value, bytes));
            _ = machine.Memory.ReadBus(address, bytes);
        }
    }

    private static void AccessRegister(Random random, CpuPlatform processor)
    {
        uint index = random.Next(4) switch
        {
            0 => LocalApic.BaseMsr,
            1 => LocalApic.TscDeadlineMsr,
            _ => LocalApic.FirstMsr + (uint)random.Next(0x100),
        };
        ulong value = index == LocalApic.BaseMsr && random.Next(4) != 0
            ? LocalApic.DefaultAddress | (random.Next(4) == 0 ? 0 : LocalApic.BaseEnabled) | (random.Next(2) == 0 ? LocalApic.BaseX2 : 0)
            : FuzzRun.Interesting(random, RamSize);
        _ = processor.TryReadMsr(index, out _);
        _ = processor.TryWriteMsr(index, value);
        processor.TaskPriority = (ulong)random.Next(16);
    }

    /// <summary>A little time, because an alarm may have been asked for every few nanoseconds.</summary>
    private void Pass(Random random, Machine machine)
    {
        _now += random.Next(10) == 0 ? random.NextInt64(10_000_000_000) : random.Next(20_000);
        machine.Clock.Set(_now);
        for (int rings = 0; rings < 8 && machine.Timers.NextDeadline <= _now; rings++)
        {
            machine.Timers.RingDue();
        }
    }

    private void ActAsHost(Random random, Machine machine, CpuPlatform processor)
    {
        int length = random.Next(64);
        switch (random.Next(8))
        {
            case 0:
                _ = machine.Serial.Input.TryWrite(_taken.AsSpan(0, length));
                break;
            case 1:
                _ = machine.Serial.Output.TryRead(_taken.AsSpan(0, length));
                break;
            case 2:
                _ = _consoleInput.TryWrite(_taken.AsSpan(0, length));
                break;
            case 3:
                _ = _consoleOutput.TryRead(_taken);
                break;
            case 4:
                machine.Serial.SendBreak();
                machine.PressPowerButton();
                break;
            case 5:
                machine.Console!.Resize((ushort)length, (ushort)length);
                break;
            default:
                Assert.InRange(processor.AcknowledgeInterrupt(), -1, 255);
                _ = processor.AcknowledgeNonMaskable();
                _ = processor.TakeInitialize();
                _ = processor.TakeStartUp(out _);
                break;
        }
    }

    private static void ForbidMastering(Machine machine)
    {
        for (ulong slot = 0; slot < 12; slot++)
        {
            ulong command = AddressMap.Ecam + (slot << 15) + 4;
            ulong value = machine.Memory.ReadBus(command, 1);
            if ((value & 4) != 0)
            {
                machine.Memory.WriteBus(command, 1, value & ~4ul);
            }
        }
    }

    private static void Check(Machine machine, GuardedMemory? guard)
    {
        guard?.Check();
        Assert.InRange(machine.Processors[0].Apic.ProcessorPriority, 0, 255);
        if (guard == null)
        {
            // Disks' own threads may be at work.
            return;
        }

        var first = new StateWriter();
        machine.SaveDevices(first);
        machine.RestoreDevices(new StateReader(first.Written));
        var second = new StateWriter();
        machine.SaveDevices(second);
        Assert.Equal(first.Written.ToArray(), second.Written.ToArray());
    }
}
