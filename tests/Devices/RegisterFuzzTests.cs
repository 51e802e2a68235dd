using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Pci;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Devices;

/// <summary>Random accesses to every chip's registers while time passes: nothing may throw or hang, and the state must survive saving.</summary>
public sealed class RegisterFuzzTests
{
    private static readonly int s_operations = 50_000 * (int.TryParse(Environment.GetEnvironmentVariable("JITVMM_FUZZ"), out int factor) ? factor : 1);
    private static readonly ushort[] s_ports =
    [
        0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x70, 0x71, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff,
        0x600, 0x602, 0x604, 0x608, 0x60, 0x64, 0x92, 0xcf9, 0x80, 0xe9, 0xf4, 0xcf8, 0xcfc, 0xcfe,
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Nothing_a_guest_writes_breaks_a_chip(int seed)
    {
        var random = new Random(seed);
        var machine = new TestMachine();
        using var memory = new PhysicalMemory();
        memory.AddRam(0, 1 << 20);
        var apic = new LocalApic(machine.Bus, 0, machine, machine.Timers);
        var ioApic = new IoApic(machine.Bus);
        var pic = new Pic(machine.Ports, () => { });
        var router = new InterruptRouter(pic, ioApic);
        var pit = new Pit(machine.Ports, machine.Timers, router.Line(0));
        var hpet = new Hpet(machine.Timers, router, machine.Bus, pit.SetReplaced);
        var rtc = new Rtc(machine.Ports, machine.Timers, router.Line(8), new DateTime(2026, 1, 1), 64 << 20, 0);
        var power = new AcpiPower(machine.Ports, machine.Timers, router.Line(9), machine);
        var uart = new Uart(machine.Ports, 0x3f8, machine.Timers, router.Line(4), new ByteChannel(64), new ByteChannel(64));
        _ = new ResetPorts(machine.Ports, machine);
        _ = new DebugPorts(machine.Ports, machine, new ByteChannel(64));
        _ = new PciRoot(machine.Ports, memory, router);
        memory.AddDevice(IoApic.Address, IoApic.Length, ioApic);
        memory.AddDevice(AddressMap.Hpet, Hpet.Length, hpet);
        IStateful[] devices = [apic, ioApic, pic, pit, hpet, rtc, power, uart];
        for (int i = 0; i < s_operations; i++)
        {
            Access(random, machine, memory, apic, uart);
            if (i % 64 == 0)
            {
                // Short, because a guest may have programmed alarms every few nanoseconds.
                PassBriefly(machine, random.Next(20_000));
                _ = apic.Acknowledge();
                _ = pic.Output ? pic.Acknowledge() : 0;
                machine.Events.Clear();
            }
        }

        foreach (IStateful device in devices)
        {
            var first = new StateWriter();
            device.Save(first);
            device.Restore(new StateReader(first.Written));
            var second = new StateWriter();
            device.Save(second);
            Assert.Equal(first.Written.ToArray(), second.Written.ToArray());
        }
    }

    private static void PassBriefly(TestMachine machine, long nanoseconds)
    {
        machine.Clock.Advance(nanoseconds);
        for (int rings = 0; rings < 8 && machine.Timers.NextDeadline <= machine.Clock.Now; rings++)
        {
            machine.Timers.RingDue();
        }
    }

    private static void Access(Random random, TestMachine machine, PhysicalMemory memory, LocalApic apic, Uart uart)
    {
        int bytes = 1 << random.Next(3);
        ushort port = s_ports[random.Next(s_ports.Length)];
        switch (random.Next(9))
        {
            case 0 or 1:
                machine.Ports.Write(port, bytes, (uint)random.NextInt64());
                break;
            case 2:
                _ = machine.Ports.Read(port, bytes);
                break;
            case 3:
                apic.WritePage((uint)random.Next(0x40) << 4, (uint)random.NextInt64());
                _ = apic.ReadPage((uint)random.Next(0x400));
                break;
            case 4:
                _ = apic.TryWriteMsr(random.Next(4) == 0 ? 0x1bu : 0x800 + (uint)random.Next(0x40), (ulong)random.NextInt64(0, 1L << random.Next(1, 63)));
                _ = apic.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress | LocalApic.BaseEnabled);
                break;
            case 5:
                memory.WriteBus(IoApic.Address + (random.Next(2) == 0 ? 0u : 0x10u), 4, (ulong)random.Next(0x50));
                _ = memory.ReadBus(IoApic.Address + 0x10, 4);
                break;
            case 6:
                memory.WriteBus(AddressMap.Hpet + 4 * (ulong)random.Next(0x60), 4 << random.Next(2), (ulong)random.NextInt64());
                _ = memory.ReadBus(AddressMap.Hpet + (ulong)random.Next(0x180), bytes);
                break;
            case 7:
                memory.WriteBus(AddressMap.Ecam + (ulong)random.Next(1 << 16), bytes, (ulong)random.NextInt64());
                _ = memory.ReadBus(AddressMap.Ecam + (ulong)random.Next(1 << 21), bytes);
                break;
            default:
                _ = uart.Input.TryWrite([(byte)random.Next(256)]);
                _ = uart.Output.TryRead(new byte[random.Next(8)]);
                break;
        }
    }
}
