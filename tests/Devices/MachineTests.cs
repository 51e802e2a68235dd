using System.Buffers.Binary;
using System.Text;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Loading;
using Jitvmm.Devices.Platform;
using Jitvmm.Devices.Processors;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Kvm;

namespace Jitvmm.Tests.Devices;

public sealed class MachineTests
{
    [Fact]
    public void A_kernel_is_entered_with_its_parameters_and_powers_off()
    {
        using var memory = new PhysicalMemory();
        byte[] kernel = KernelImages.Linux();
        var configuration = new MachineConfiguration { Memory = 64 << 20, Kernel = kernel, Initrd = [1, 2, 3], CommandLine = "console=ttyS0" };
        ulong rip = 0;
        ulong parameters = 0;
        using var machine = new Machine(configuration, memory, platform => new FakeProcessor(platform, (cpu, processor) =>
        {
            rip = processor.Rip;
            parameters = processor.Rsi;
            cpu.WritePort(AcpiPower.ControlPort, 2, 0x2000 | (AcpiPower.SoftOffType << 10));
            return ProcessorExit.Halted;
        }));
        Assert.Equal(MachineEnd.PoweredOff, machine.Run().End);
        Assert.Equal(0x1000200ul, rip);
        byte[] page = new byte[4096];
        Assert.True(memory.Read(parameters, page));
        byte[] line = new byte[14];
        Assert.True(memory.Read(BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(0x228)), line));
        Assert.Equal("console=ttyS0\0", Encoding.ASCII.GetString(line));
        byte[] initrd = new byte[3];
        Assert.True(memory.Read(BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(0x218)), initrd));
        Assert.Equal([1, 2, 3], initrd);
        Assert.Equal(5, page[0x1e8]);
    }

    [Fact]
    public void Start_up_messages_start_the_other_processors()
    {
        using var memory = new PhysicalMemory();
        var configuration = new MachineConfiguration { Memory = 16 << 20, Processors = 4, Kernel = KernelImages.Multiboot() };
        int started = 0;
        using var machine = new Machine(configuration, memory, platform => new FakeProcessor(platform, (cpu, processor) =>
        {
            if (cpu.Index != 0)
            {
                Assert.Equal(0x9a000ul, processor.CodeBase);
                Interlocked.Increment(ref started);
                return ProcessorExit.Halted;
            }

            if (Volatile.Read(ref started) == 0)
            {
                cpu.Apic.WritePage(0x300, 0xc4500);
                cpu.Apic.WritePage(0x300, 0xc469a);
            }

            while (Volatile.Read(ref started) < 3)
            {
                Thread.Yield();
            }

            cpu.WritePort(0xf4, 1, 3);
            return ProcessorExit.Halted;
        }));
        MachineOutcome outcome = machine.Run();
        Assert.Null(outcome.Failure);
        Assert.Equal(new MachineOutcome(MachineEnd.Exited, 7), outcome);
    }

    [Fact]
    public void A_halted_processor_wakes_for_its_timer()
    {
        using var memory = new PhysicalMemory();
        var configuration = new MachineConfiguration { Memory = 16 << 20, Kernel = KernelImages.Multiboot() };
        int vector = 0;
        using var machine = new Machine(configuration, memory, platform => new FakeProcessor(platform, (cpu, processor) =>
        {
            vector = cpu.AcknowledgeInterrupt();
            if (vector >= 0)
            {
                cpu.WritePort(AcpiPower.ControlPort, 2, 0x2000 | (AcpiPower.SoftOffType << 10));
                return null;
            }

            processor.SetInterruptFlag();
            cpu.Apic.WritePage(0x320, 0x40031);
            _ = cpu.TryWriteMsr(0x6e0, cpu.TimeStamp + 1_000_000);
            return ProcessorExit.Halted;
        }));
        Assert.Equal(MachineEnd.PoweredOff, machine.Run().End);
        Assert.Equal(0x31, vector);
    }

    [Fact]
    public void A_paused_machine_keeps_its_time_and_its_devices_can_be_copied()
    {
        using var memory = new PhysicalMemory();
        var configuration = new MachineConfiguration { Memory = 16 << 20, Processors = 2, Kernel = KernelImages.Multiboot() };
        using var machine = new Machine(configuration, memory, platform => new FakeProcessor(platform, (cpu, processor) => null));
        MachineOutcome outcome = default;
        var thread = new Thread(() => outcome = machine.Run());
        thread.Start();
        machine.Pause();
        long now = machine.Clock.Now;
        var first = new StateWriter();
        machine.SaveDevices(first);
        machine.RestoreDevices(new StateReader(first.Written));
        var second = new StateWriter();
        machine.SaveDevices(second);
        Assert.Equal(first.Written.ToArray(), second.Written.ToArray());
        Assert.Equal(now, machine.Clock.Now);
        machine.Resume();
        SpinWait.SpinUntil(() => machine.Clock.Now > now);
        machine.Stop();
        thread.Join();
        Assert.Equal(MachineEnd.Stopped, outcome.End);
    }

    [Fact]
    public void A_failing_engine_ends_the_machine()
    {
        using var memory = new PhysicalMemory();
        var configuration = new MachineConfiguration { Memory = 16 << 20, Processors = 2, Kernel = KernelImages.Multiboot() };
        using var machine = new Machine(configuration, memory, platform => new FakeProcessor(platform, (_, _) => throw new InvalidOperationException("broken")));
        MachineOutcome outcome = machine.Run();
        Assert.Equal(MachineEnd.Failed, outcome.End);
        Assert.Equal("broken", outcome.Failure?.Message);
    }

    [Fact]
    public void Kicks_end_halts_before_or_after_they_begin()
    {
        using var memory = new PhysicalMemory();
        var configuration = new MachineConfiguration { Memory = 16 << 20, Kernel = KernelImages.Multiboot(), Hypervisor = new KvmInterface() };
        int halts = 0;
        using var machine = new Machine(configuration, memory, platform => new FakeProcessor(platform, (cpu, processor) =>
        {
            switch (halts++)
            {
                case 0:
                    cpu.EndHalt();
                    break;
                case 1:
                    _ = Task.Run(cpu.EndHalt);
                    break;
                default:
                    cpu.WritePort(0xf4, 1, 3);
                    break;
            }

            return ProcessorExit.Halted;
        }));
        Assert.Equal(MachineEnd.Exited, machine.Run().End);
        Assert.Equal(3, halts);
    }

    [Fact]
    public void The_clock_that_guests_compute_is_the_hosts_but_for_pauses()
    {
        const ulong Record = 0x9000;
        const long Millisecond = 1_000_000;
        using var memory = new PhysicalMemory();
        var configuration = new MachineConfiguration { Memory = 16 << 20, Kernel = KernelImages.Multiboot(), Hypervisor = new KvmInterface() };
        using var machine = new Machine(configuration, memory, static _ => throw new InvalidOperationException());
        CpuPlatform cpu = machine.Processors[0];

        // The host may run something else between any two lines: its clock is read on both sides of each.
        (long startedAfter, long startedBefore) = Around(machine.Clock.Start);
        Assert.True(cpu.TryWriteMsr(0x4b564d01, Record | 1));
        var record = new byte[32];
        Assert.True(memory.Read(Record, record));
        long latest = 0;
        for (int i = 0; i < 100; i++)
        {
            Thread.SpinWait(10_000);
            long guest = 0;
            (long after, long before) = Around(() => guest = GuestTime(record, cpu.TimeStamp));
            Assert.True(guest >= latest, "the clock went back");
            Assert.InRange(guest, after - startedBefore - Millisecond, before - startedAfter + Millisecond);
            latest = guest;
        }

        (long stoppedAfter, long stoppedBefore) = Around(machine.Clock.Stop);
        Thread.SpinWait(1_000_000);
        (long resumedAfter, long resumedBefore) = Around(machine.Clock.Start);
        long resumed = 0;
        (long last, long first) = Around(() => resumed = GuestTime(record, cpu.TimeStamp));
        Assert.InRange(
            resumed,
            last - startedBefore - (resumedBefore - stoppedAfter) - Millisecond,
            first - startedAfter - (resumedAfter - stoppedBefore) + Millisecond);
    }

    /// <summary>The host's clock before and after something that happens in between.</summary>
    private static (long After, long Before) Around(Action something)
    {
        long after = MachineClock.Host;
        something();
        return (after, MachineClock.Host);
    }

    /// <summary>Scale 1, as the counter has 1 GHz.</summary>
    private static long GuestTime(byte[] record, ulong timeStamp)
    {
        Assert.Equal((0x80000000u, 1), (BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(24)), record[28]));
        return (long)(timeStamp - BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(8)) + BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(16)));
    }

    [Theory]
    [InlineData(3, "at least 4 MiB")]
    [InlineData(16, "neither a Linux image")]
    public void What_cannot_start_says_why(int megabytes, string message)
    {
        using var memory = new PhysicalMemory();
        var configuration = new MachineConfiguration { Memory = (ulong)megabytes << 20, Kernel = new byte[1000] };
        BootException error = Assert.Throws<BootException>(() => new Machine(configuration, memory, _ => throw new InvalidOperationException()));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
