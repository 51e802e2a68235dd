using Jitvmm.Devices.Buses;

namespace Jitvmm.Devices.Interrupts;

/// <summary>
/// The machine's global system interrupts: each wire goes to the I/O APIC, and wires 0 to 15 to the 8259s too. The PIT's wire 0 is the I/O APIC's input 2 (MADT override).
/// </summary>
public sealed class InterruptRouter(Pic pic, IoApic ioApic) : IInterruptSink
{
    public InterruptLine Line(int wire) => new(this, wire);

    public void SetLevel(int wire, bool high)
    {
        if (wire < 16)
        {
            pic.SetLevel(wire, high);
        }

        ioApic.SetLevel(wire == 0 ? 2 : wire, high);
    }
}
