using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Events, timers, clocks and run states of a Xen guest (xen/include/public/event_channel.h, vcpu.h, arch-x86/xen.h).</summary>
public sealed unsafe class XenEventTests : IDisposable
{
    private const uint Timer = 0;
    private const uint Yield = 0;
    private const uint Block = 1;
    private const uint Poll = 3;

    private readonly List<IDisposable> _guests = [];

    [Fact]
    public void An_event_is_noted_once_and_told_once()
    {
        XenGuest guest = Guest();
        uint port = guest.BindIpi();
        Assert.Equal(1u, port);
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(["f3 to 0"], guest.Host.Asked);
        Assert.Equal((2ul, 1ul, 1ul), (guest.Machine.Read(XenGuest.Pending), guest.Machine.Read(XenGuest.Upcall, 1), guest.Machine.Read(XenGuest.SharedInfo + 8)));

        // As its handler does.
        guest.Machine.Write(XenGuest.Upcall, 0, 1);
        guest.Machine.Write(XenGuest.SharedInfo + 8, 0);
        guest.Machine.Write(XenGuest.Pending, 0);
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(2, guest.Host.Asked.Count);
    }

    [Fact]
    public void A_masked_event_waits()
    {
        XenGuest guest = Guest();
        uint port = guest.BindIpi();
        guest.Machine.Write(XenGuest.Masks, 1ul << (int)port);
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.True(guest.IsPending(port));
        Assert.Empty(guest.Host.Asked);
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 9, port));
        Assert.Equal(["f3 to 0"], guest.Host.Asked);
        Assert.Equal(0ul, guest.Machine.Read(XenGuest.Masks));
    }

    [Fact]
    public void Ports_are_checked()
    {
        XenGuest guest = Guest();
        uint port = guest.BindIpi();
        foreach (uint none in (uint[])[0, 2, 4095, 4096, uint.MaxValue])
        {
            foreach (uint command in (uint[])[3, 4, 8, 9])
            {
                Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.EventChannelOp, command, none, 0));
            }
        }

        Assert.Equal(XenGuest.NoEntry, guest.CallWith(XenGuest.EventChannelOp, 7, 1));
        Assert.Equal(XenGuest.NoEntry, guest.CallWith(XenGuest.EventChannelOp, 8, port, 1));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.EventChannelOp, 8, port, 0));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.EventChannelOp, 1, 24, 0));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.EventChannelOp, 1, 3, 1));
        Assert.Equal(XenGuest.NoEntry, guest.CallWith(XenGuest.EventChannelOp, 1, Timer, 1));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 1, Timer, 0));
        Assert.Equal(XenGuest.Exists, guest.CallWith(XenGuest.EventChannelOp, 1, Timer, 0));
        Assert.Equal(XenGuest.NotImplemented, guest.CallWith(XenGuest.EventChannelOp, 11, 0));
        Assert.Equal(XenGuest.NotPermitted, guest.CallWith(XenGuest.EventChannelOp, 6, 5));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.EventChannelOp, 0, 0, 1));
        Assert.Equal(XenGuest.NoProcess, guest.CallWith(XenGuest.EventChannelOp, 0, 7, 1));
        Assert.Equal(XenGuest.NoProcess, guest.CallWith(XenGuest.EventChannelOp, 5, 7, 1));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.EventChannelOp, 5, XenGuest.Self, 4096));
    }

    [Fact]
    public void There_are_4095()
    {
        XenGuest guest = Guest();
        for (uint port = 1; port < 4096; port++)
        {
            Assert.Equal(port, guest.BindIpi());
        }

        Assert.Equal(XenGuest.NoSpace, guest.CallWith(XenGuest.EventChannelOp, 7, 0));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, 4095));
        Assert.True(guest.IsPending(4095));
        Assert.Equal(1ul << 63, guest.Machine.Read(XenGuest.SharedInfo + 8));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 3, 4095));
        Assert.False(guest.IsPending(4095));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 10, XenGuest.Self));
        Assert.Equal(1u, guest.BindIpi());
    }

    [Fact]
    public void A_guest_talks_to_itself()
    {
        XenGuest guest = Guest();
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 6, XenGuest.Self | (XenGuest.Self << 16)));
        Assert.Equal(1u, guest.Field(1));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 0, XenGuest.Self, 1));
        Assert.Equal(2u, guest.Field(2));
        Assert.True(guest.IsPending(2));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, 2));
        Assert.True(guest.IsPending(1));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 5, XenGuest.Self, 2));
        Assert.Equal((2u, 0u, 1u, 1u), (guest.Field(2), guest.Field(3), guest.Field(4) & 0xffff, guest.Field(5)));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 3, 2));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 5, XenGuest.Self, 1));
        Assert.Equal(1u, guest.Field(2));
    }

    [Fact]
    public void A_callback_vector_waits_past_the_local_apic()
    {
        var guest = new XenGuest();
        _guests.Add(guest);
        guest.Place(0, 0, XenGuest.SharedInfo);
        uint port = guest.BindIpi();
        Assert.Equal(-1, guest.Machine.Paravirtual!.PendingVector);
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(-1, guest.Machine.Paravirtual.PendingVector);
        Assert.Equal(0, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, 0xf3, 2u << 24));
        Assert.Equal(["look 0"], guest.Host.Asked);
        Assert.Equal(0xf3, guest.Machine.Paravirtual.PendingVector);
        guest.Machine.Write(XenGuest.Upcall, 0, 1);
        Assert.Equal(-1, guest.Machine.Paravirtual.PendingVector);
    }

    [Fact]
    public void A_wire_is_high_until_the_guest_has_seen_to_it()
    {
        var guest = new XenGuest();
        _guests.Add(guest);
        guest.Place(0, 0, XenGuest.SharedInfo);
        uint port = guest.BindIpi();
        Assert.Equal(0, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, 11, 0));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        guest.Machine.Paravirtual!.InterruptTaken();
        Assert.Equal(["wire 11 high"], guest.Host.Asked);
        guest.Machine.Write(XenGuest.Upcall, 0, 1);
        guest.Machine.Paravirtual.InterruptTaken();
        Assert.Equal(["wire 11 high", "wire 11 low"], guest.Host.Asked);
    }

    /// <summary>As Linux names its platform device's: bus 0, slot 3, INTB.</summary>
    [Fact]
    public void A_pci_pin_stands_for_its_wire()
    {
        var guest = new XenGuest();
        _guests.Add(guest);
        guest.Place(0, 0, XenGuest.SharedInfo);
        uint port = guest.BindIpi();
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, (1 << 16) | (3 << 11) | 1, 1 << 24));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, (3 << 11) | 1, (1 << 24) | 1));
        Assert.Equal(0, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, (3 << 11) | 1, 1 << 24));
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        guest.Machine.Write(XenGuest.Upcall, 0, 1);
        guest.Machine.Paravirtual!.InterruptTaken();
        Assert.Equal(["wire 16 high", "wire 16 low"], guest.Host.Asked);
    }

    [Fact]
    public void What_was_told_while_interrupts_were_off_is_told_again()
    {
        XenGuest guest = Guest();
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, guest.BindIpi()));
        guest.Machine.Paravirtual!.Reset();
        guest.Machine.Paravirtual.InterruptsEnabled();
        Assert.Equal(["f3 to 0", "f3 to 0"], guest.Host.Asked);
    }

    [Fact]
    public void A_processors_part_moves_once_with_everything_pending()
    {
        const uint Offset = 0x40;
        XenGuest guest = Guest();
        guest.Machine.Write(XenGuest.SharedInfo + 16, 0x1234);
        foreach ((ulong frame, uint offset) in (ReadOnlySpan<(ulong, uint)>)[(0xa, 0xfc8), (0xa, 0x44), (0xa, 0x1000), (0x400, 0), (1ul << 28, 0), (ulong.MaxValue, 0)])
        {
            Assert.Equal(XenGuest.Invalid, guest.CallVcpu(10, frame, offset));
        }

        Assert.Equal(0, guest.CallVcpu(10, 0xa, Offset));
        Assert.Equal(["f3 to 0"], guest.Host.Asked);
        Assert.Equal((1ul, ulong.MaxValue, 0x1234ul), (guest.Machine.Read(0xa040, 1), guest.Machine.Read(0xa048), guest.Machine.Read(0xa050)));
        Assert.Equal(XenGuest.Invalid, guest.CallVcpu(10, 0xb, Offset));
    }

    [Fact]
    public void Its_clock_says_machine_time()
    {
        XenGuest guest = Guest();
        guest.Host.TimeStamp = 5_000;
        Assert.True(ModelSpecificRegisters.TryWrite(guest.Machine.Cpu, 0x10, 0));
        ulong offset = guest.Machine.Cpu->System.TscOffset;
        const ulong Clock = XenGuest.SharedInfo + 32;
        Assert.Equal((0ul, 5_000 + offset, 5_000ul), (guest.Machine.Read(Clock, 4) & 1, guest.Machine.Read(Clock + 8), guest.Machine.Read(Clock + 16)));
        Assert.Equal((0x80000000ul, 1ul, 1ul), (guest.Machine.Read(Clock + 24, 4), guest.Machine.Read(Clock + 28, 1), guest.Machine.Read(Clock + 29, 1)));

        // The second one, on both sides of a page's end.
        guest.Machine.Write(XenGuest.Record, 0xcff4);
        Assert.Equal(0, guest.Call(XenGuest.VcpuOp, 13, 0, XenGuest.Record));
        Assert.Equal((0ul, 5_000ul), (guest.Machine.Read(0xcff4, 4) & 1, guest.Machine.Read(0xd004)));
        guest.Machine.Write(XenGuest.Record, XenGuest.RamEnd - 4);
        Assert.Equal(XenGuest.Fault, guest.Call(XenGuest.VcpuOp, 13, 0, XenGuest.Record));
    }

    [Fact]
    public void The_wall_clock_says_when_machine_time_was_0()
    {
        var guest = new XenGuest();
        _guests.Add(guest);
        guest.Host.UtcAtStart = 1_700_000_000_123_456_789;
        guest.Place(0, 0, XenGuest.SharedInfo);
        Assert.Equal((1_700_000_000ul, 123_456_789ul), (guest.Machine.Read(XenGuest.SharedInfo + 0xc04, 4), guest.Machine.Read(XenGuest.SharedInfo + 0xc08, 4)));
    }

    [Fact]
    public void Timers_raise_their_interrupt()
    {
        XenGuest guest = Guest();
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 1, Timer, 0));
        FakeParavirtualHost.FakeAlarm single = guest.Host.Alarms[0];
        Assert.Equal(0, guest.CallVcpu(8, 1_000));
        Assert.Equal(1_000, single.Deadline);
        single.Ring();
        Assert.False(guest.IsPending(1));
        guest.Host.Now = 1_000;
        single.Ring();
        Assert.True(guest.IsPending(1));
        guest.Machine.Write(XenGuest.Pending, 0);
        single.Ring();
        Assert.False(guest.IsPending(1));

        // What is past comes at once, or is an error.
        Assert.Equal(-62, guest.CallVcpu(8, 999, 1));
        Assert.False(guest.IsPending(1));
        Assert.Equal(0, guest.CallVcpu(8, 999));
        Assert.True(guest.IsPending(1));
        Assert.Equal(0, guest.CallVcpu(8, ulong.MaxValue));
        Assert.Equal(0, guest.CallVcpu(9));
        Assert.Equal(long.MaxValue, single.Deadline);
        Assert.Equal(0, guest.Call(15, 5_000));
        Assert.Equal(5_000, single.Deadline);
        Assert.Equal(0, guest.Call(15, 0));
        Assert.Equal(long.MaxValue, single.Deadline);
    }

    [Fact]
    public void A_period_is_kept_however_late_the_host_is()
    {
        XenGuest guest = Guest();
        FakeParavirtualHost.FakeAlarm periodic = guest.Host.Alarms[1];
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 1, Timer, 0));
        Assert.Equal(XenGuest.Invalid, guest.CallVcpu(6, 999_999));
        Assert.Equal(XenGuest.Invalid, guest.CallVcpu(6, ulong.MaxValue));
        Assert.Equal(0, guest.CallVcpu(6, 1_000_000));
        guest.Host.Now = 3_500_000;
        periodic.Ring();
        Assert.True(guest.IsPending(1));
        Assert.Equal(4_000_000, periodic.Deadline);
        Assert.Equal(0, guest.CallVcpu(7));
        Assert.Equal(long.MaxValue, periodic.Deadline);
    }

    [Fact]
    public void Run_states_add_up()
    {
        const ulong Area = 0xcff0;
        XenGuest guest = Guest();
        guest.Machine.Write(XenGuest.Record, Area);
        Assert.Equal(0, guest.Call(XenGuest.VcpuOp, 5, 0, XenGuest.Record));
        guest.Host.Now = 10_000_000;
        guest.Host.TimeKeptWaiting = 3_000_000;
        guest.Machine.Paravirtual!.InterruptTaken();
        guest.Host.Now = 11_000_000;
        guest.Machine.Paravirtual.Halting();
        guest.Host.Now = 15_000_000;
        guest.Machine.Paravirtual.Running();
        ulong[] record = [.. Enumerable.Range(0, 6).Select(index => guest.Machine.Read(Area + (ulong)(8 * index)))];
        Assert.Equal([0, 15_000_000, 8_000_000, 3_000_000, 4_000_000, 0], record);
        guest.Host.Now = 16_000_000;
        Assert.Equal(0, guest.Call(XenGuest.VcpuOp, 4, 0, XenGuest.Record));
        Assert.Equal(9_000_000ul, guest.Machine.Read(XenGuest.Record + 16));
        Assert.Equal(0, guest.Call(21, 0, 5));
        guest.Machine.Paravirtual.Halting();
        Assert.Equal(16_000_000ul, guest.Machine.Read(Area + 8));
        Assert.Equal(XenGuest.Invalid, guest.Call(21, 0, 4));
    }

    [Fact]
    public void A_poll_waits_for_its_ports()
    {
        XenGuest guest = Guest();
        uint port = guest.BindIpi();
        guest.Machine.Write(XenGuest.Masks, ulong.MaxValue);
        guest.Machine.Write(0xd000, port, 4);
        Assert.Equal(0, guest.CallWith(XenGuest.SchedulerOp, Poll, 0xd000, 0, 1, 0, 0, 0));
        Assert.True(guest.Machine.Paravirtual!.TakesHalt());
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(["kick 0"], guest.Host.Asked);
        Assert.False(guest.Machine.Paravirtual.TakesHalt());
        Assert.Equal(0, guest.CallWith(XenGuest.SchedulerOp, Poll, 0xd000, 0, 1, 0, 0, 0));
        Assert.False(guest.Machine.Paravirtual.TakesHalt());

        // Until a time, on no port.
        FakeParavirtualHost.FakeAlarm end = guest.Host.Alarms[2];
        Assert.Equal(0, guest.CallWith(XenGuest.SchedulerOp, Poll, 0, 0, 0, 0, 7_000, 0));
        Assert.Equal((true, 7_000), (guest.Machine.Paravirtual.TakesHalt(), end.Deadline));
        guest.Host.Now = 7_000;
        end.Ring();
        Assert.False(guest.Machine.Paravirtual.TakesHalt());
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.SchedulerOp, Poll, 0xd000, 0, 129, 0, 0, 0));
        Assert.Equal(XenGuest.Fault, guest.CallWith(XenGuest.SchedulerOp, Poll, (uint)XenGuest.RamEnd, 0, 1, 0, 0, 0));
        guest.Machine.Write(0xd000, 4096, 4);
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.SchedulerOp, Poll, 0xd000, 0, 1, 0, 0, 0));
    }

    [Fact]
    public void A_block_ends_with_an_event()
    {
        XenGuest guest = Guest();
        uint port = guest.BindIpi();
        Assert.Equal(0, guest.Call(XenGuest.SchedulerOp, Block));
        Assert.True(guest.Machine.Paravirtual!.TakesHalt());
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(["f3 to 0", "kick 0"], guest.Host.Asked);
        Assert.Equal(0, guest.Call(XenGuest.SchedulerOp, Block));
        Assert.False(guest.Machine.Paravirtual.TakesHalt());
        Assert.Equal(0, guest.Call(XenGuest.SchedulerOp, Yield));
        Assert.Equal("yield", guest.Host.Asked[^1]);
    }

    [Fact]
    public void State_goes_over_to_another_machine()
    {
        XenGuest guest = Guest();
        Assert.Equal(0, guest.CallWith(XenGuest.EventChannelOp, 1, Timer, 0));
        uint port = guest.BindIpi();
        guest.Place(1, 3, 0x8000_0000);
        guest.Machine.Write(0x8000_0000, 0x77);
        Assert.Equal(0, guest.CallVcpu(10, 0xa, 0));
        Assert.Equal(0, guest.CallVcpu(8, 9_000));
        ulong[] words = guest.Machine.Paravirtual!.SaveState();
        var other = new XenGuest();
        _guests.Add(other);
        byte[] ram = new byte[XenGuest.RamEnd];
        Assert.True(guest.Machine.Memory.Read(0, ram) && other.Machine.Memory.Write(0, ram));
        Assert.True(other.Machine.Paravirtual!.TryRestoreState(words));
        Assert.Equal(words, other.Machine.Paravirtual.SaveState());
        Assert.Equal((0x77ul, 9_000), (other.Machine.Read(0x8000_0000), other.Host.Alarms[0].Deadline));
        Assert.Empty(other.Host.Asked);
        other.Machine.Write(0xa000, 0, 1);
        other.Machine.Write(0xa008, 0);
        Assert.Equal(0, other.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(["f3 to 0"], other.Host.Asked);
        foreach (int index in (int[])[0, 1, 4])
        {
            ulong[] wrong = [.. words];
            wrong[index] = ulong.MaxValue - 1;
            Assert.False(other.Machine.Paravirtual.TryRestoreState(wrong));
        }

        Assert.False(other.Machine.Paravirtual.TryRestoreState(words.AsSpan(1)));
    }

    [Fact]
    public void Legacy_guests_have_their_own_layout()
    {
        var guest = new XenGuest();
        _guests.Add(guest);
        guest.Machine.Restart();
        guest.Machine.EnterProtectedMode();
        guest.Host.UtcAtStart = 5_000_000_000;

        // domid, space, index, frame.
        Assert.Equal(0u, CallLegacy(guest, XenGuest.MemoryOp, 7, XenGuest.Self, 0, 0, (uint)(XenGuest.SharedInfo >> 12)));
        Assert.Equal(0u, CallLegacy(guest, XenGuest.HvmOp, 0, XenGuest.Self, 0, XenGuest.Vector, 2u << 24));
        Assert.Equal(5ul, guest.Machine.Read(XenGuest.SharedInfo + 0x904, 4));
        Assert.Equal(0u, CallLegacy(guest, XenGuest.EventChannelOp, 7, 0, 0));
        uint port = guest.Field(1);
        guest.Machine.Write(XenGuest.SharedInfo + 0x880, 1ul << (int)port, 4);
        Assert.Equal(0u, CallLegacy(guest, XenGuest.EventChannelOp, 4, port));
        Assert.Equal((2ul, 0ul), (guest.Machine.Read(XenGuest.Pending, 4), guest.Machine.Read(XenGuest.Upcall, 1)));
        Assert.Equal(0u, CallLegacy(guest, XenGuest.EventChannelOp, 9, port));
        Assert.Equal((1ul, 1ul), (guest.Machine.Read(XenGuest.SharedInfo + 4, 4), guest.Machine.Read(XenGuest.Upcall, 1)));
        Assert.Equal(unchecked((uint)XenGuest.Invalid), CallLegacy(guest, XenGuest.EventChannelOp, 4, 1024));
    }

    public void Dispose() => _guests.ForEach(static guest => guest.Dispose());

    private static uint CallLegacy(XenGuest guest, uint number, uint command, params uint[] fields)
    {
        guest.Fill(fields);
        (guest.Machine.Cpu->Gpr[0], guest.Machine.Cpu->Gpr[3], guest.Machine.Cpu->Gpr[1]) = (number, command, XenGuest.Record);
        Assert.True(guest.Machine.Paravirtual!.Hypercall());
        return (uint)guest.Machine.Cpu->Gpr[0];
    }

    private XenGuest Guest()
    {
        var guest = new XenGuest();
        _guests.Add(guest);
        return guest.PlaceSharedInfo();
    }
}
