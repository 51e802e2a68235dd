using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Control, debug and model-specific registers, descriptor tables, privileged and port instructions. Most are one callout.</summary>
public sealed partial class Lifter
{
    private bool TryPrivileged()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Rdmsr:
                CallOut(typeof(ModelSpecificRegisters), nameof(ModelSpecificRegisters.Read));
                return true;
            case Mnemonic.Wrmsr:
                CallOut(typeof(ModelSpecificRegisters), nameof(ModelSpecificRegisters.Write));
                return true;
            case Mnemonic.Xgetbv:
                CallOut(typeof(ExtendedControl), nameof(ExtendedControl.Read));
                return true;
            case Mnemonic.Xsetbv:
                CallOut(typeof(ExtendedControl), nameof(ExtendedControl.Write));
                return true;
            case Mnemonic.Vmcall or Mnemonic.Vmmcall:
                LiftHypercall();
                return true;
            case Mnemonic.Rdpmc:
                _b.ExitCall(Method(typeof(ProcessorIdentity), nameof(ProcessorIdentity.ReadPerformanceCounter)), _b.Cpu(), _o.ThisAddress);
                return true;
            case Mnemonic.Invd or Mnemonic.Wbinvd:
                CallOut(typeof(Invalidation), nameof(Invalidation.Caches));
                return true;
            case Mnemonic.Invlpg:
                _b.ExitCall(Method(typeof(Invalidation), nameof(Invalidation.Page)), _b.Cpu(), _o.Address(), _o.NextAddress);
                return true;
            case Mnemonic.Invpcid:
                RaiseUnlessKernel();
                Value type = _b.ZeroExtend(_o.Read(0));
                Value context = _b.Load(_o.Address(), 64);
                Value linear = LoadApart(_o.AddressAt(_b.Constant(8)), 64);
                _b.ExitCall(Method(typeof(Invalidation), nameof(Invalidation.ProcessContext)), _b.Cpu(), type, context, linear, _o.NextAddress);
                return true;
            case Mnemonic.Swapgs:
                LiftSwapGs();
                return true;
            case Mnemonic.Stac or Mnemonic.Clac:
                _b.RaiseIf(_b.IsNotZero(_b.Get(SystemPlaces.Cpl, 32)), ExceptionVector.InvalidOpcode);
                _b.Call(Method(typeof(InterruptFlag), nameof(InterruptFlag.SetAccessOverride)), _b.Cpu(), _b.Constant32(_i.Mnemonic == Mnemonic.Stac ? 1 : 0));
                return true;
            case Mnemonic.Clts:
                _b.ExitCall(Method(typeof(ControlRegisters), nameof(ControlRegisters.ClearTaskSwitched)), _b.Cpu(), _o.NextAddress);
                return true;
            case Mnemonic.Lmsw:
                RaiseUnlessKernel();
                Value status = _b.Narrow(_o.Read(0, _o.IsMemory(0) ? 16 : _o.Width(0)), 16);
                _b.ExitCall(Method(typeof(ControlRegisters), nameof(ControlRegisters.LoadStatusWord)), _b.Cpu(), status, _o.NextAddress);
                return true;
            case Mnemonic.Cli or Mnemonic.Sti:
                LiftInterruptFlag();
                return true;
            case Mnemonic.Hlt:
                _b.ExitCall(Method(typeof(InterruptFlag), nameof(InterruptFlag.Halt)), _b.Cpu(), _o.NextAddress);
                return true;
            case Mnemonic.Sysret or Mnemonic.Sysretq:
                _b.ExitCall(Method(typeof(FastSystemCalls), nameof(FastSystemCalls.Return)), _b.Cpu(), _b.Constant32(_i.Code == Code.Sysretq ? 1 : 0));
                return true;
            case Mnemonic.Sysenter:
                _b.ExitCall(Method(typeof(FastSystemCalls), nameof(FastSystemCalls.SysEnter)), _b.Cpu());
                return true;
            case Mnemonic.Sysexit or Mnemonic.Sysexitq:
                _b.ExitCall(Method(typeof(FastSystemCalls), nameof(FastSystemCalls.SysExit)), _b.Cpu(), _b.Constant32(_i.Code == Code.Sysexitq ? 1 : 0));
                return true;
            default:
                return TryDescriptorTable() || TryPort();
        }
    }

    private Value CallOut(Type area, string name) => _b.Call(Method(area, name), _b.Cpu());

    private bool TryDescriptorTable()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Lgdt or Mnemonic.Lidt:
                RaiseUnlessKernel();
                string load = _i.Mnemonic == Mnemonic.Lgdt ? nameof(DescriptorTables.LoadGlobal) : nameof(DescriptorTables.LoadInterrupt);
                Value limit = _b.Load(_o.Address(), 16);
                Value table = _b.ZeroExtend(LoadApart(_o.AddressAt(_b.Constant(2)), TableWidth));
                _b.Call(Method(typeof(DescriptorTables), load), _b.Cpu(), limit, HasShortTable ? _b.Mask(table, 0xffffff) : table);
                return true;
            case Mnemonic.Sgdt or Mnemonic.Sidt:
                bool isGlobal = _i.Mnemonic == Mnemonic.Sgdt;
                CallOut(typeof(DescriptorTables), nameof(DescriptorTables.CheckStore));
                Value size = _b.Constant32(TableWidth / 8);
                _b.Call(Method(typeof(GuestAccess), nameof(GuestAccess.Write)), _b.Cpu(), _o.AddressAt(_b.Constant(2)), size, _b.Get(isGlobal ? SystemPlaces.GdtBase : SystemPlaces.IdtBase, 64));
                _b.Store(_o.Address(), 16, _b.Narrow(_b.Get(isGlobal ? SystemPlaces.GdtLimit : SystemPlaces.IdtLimit, 32), 16));
                return true;
            case Mnemonic.Lldt or Mnemonic.Ltr:
                string loader = _i.Mnemonic == Mnemonic.Lldt ? nameof(DescriptorTables.LoadLocal) : nameof(DescriptorTables.LoadTask);
                CallOut(typeof(DescriptorTables), nameof(DescriptorTables.CheckLoad));
                _b.Call(Method(typeof(DescriptorTables), loader), _b.Cpu(), SelectorOperand(0));
                return true;
            case Mnemonic.Sldt:
                StoreWord(CallOut(typeof(DescriptorTables), nameof(DescriptorTables.StoreLocal)));
                return true;
            case Mnemonic.Str:
                StoreWord(CallOut(typeof(DescriptorTables), nameof(DescriptorTables.StoreTask)));
                return true;
            case Mnemonic.Smsw:
                StoreWord(CallOut(typeof(ControlRegisters), nameof(ControlRegisters.StoreStatusWord)));
                return true;
            case Mnemonic.Lar:
                LiftInspect(nameof(DescriptorTables.AccessRights));
                return true;
            case Mnemonic.Lsl:
                LiftInspect(nameof(DescriptorTables.SegmentLimit));
                return true;
            case Mnemonic.Verr or Mnemonic.Verw:
                string verify = _i.Mnemonic == Mnemonic.Verr ? nameof(DescriptorTables.CanRead) : nameof(DescriptorTables.CanWrite);
                Value allowed = _b.Call(Method(typeof(DescriptorTables), verify), _b.Cpu(), SelectorOperand(0));
                _b.SetFlagVariable(StatusFlags.Zero, _b.Xor(_b.ZeroExtend(allowed), _b.Constant(1)));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Bits of a table's base in memory.</summary>
    private int TableWidth => _i.Code is Code.Lgdt_m1664 or Code.Lidt_m1664 or Code.Sgdt_m1664 or Code.Sidt_m1664 ? 64 : 32;

    /// <summary>With a 16-bit operand size LGDT and LIDT take 24 bits of the base.</summary>
    private bool HasShortTable => _i.Code is Code.Lgdt_m1632_16 or Code.Lidt_m1632_16;

    /// <summary>The low 16 bits of a register, or 16 bits of memory.</summary>
    private Value SelectorOperand(int operand) => _o.IsMemory(operand) ? _o.Read(operand, 16) : _b.Narrow(_o.Read(operand), 16);

    /// <summary>To memory these instructions always store 16 bits.</summary>
    private void StoreWord(Value value)
    {
        int width = _o.IsMemory(0) ? 16 : _o.Width(0);
        _o.Write(0, width, _b.Narrow(value, width));
    }

    /// <summary>LAR and LSL: the destination changes only on success.</summary>
    private void LiftInspect(string name)
    {
        Value result = _b.Call(Method(typeof(DescriptorTables), name), _b.Cpu(), SelectorOperand(1));
        Value found = _b.Mask(result, 1);
        Value old = _b.Get(_o.Register(0), 64);
        Value value = _b.ShiftRight(result, 32);
        value = _o.Width(0) == 16 ? _b.Or(_b.Mask(old, ~0xffffL), _b.Mask(value, 0xffff)) : value;
        _b.Set(_o.Register(0), 64, _b.Select(_b.Truncate(found), value, old));
        _b.SetFlagVariable(StatusFlags.Zero, _b.Xor(found, _b.Constant(1)));
    }

    /// <summary>Privilege is checked before a memory operand is read.</summary>
    private void RaiseUnlessKernel() => _b.RaiseIf(_b.IsNotZero(_b.Get(SystemPlaces.Cpl, 32)), ExceptionVector.GeneralProtection);

    private void LiftSwapGs()
    {
        RaiseUnlessKernel();
        Value user = _b.Get(CpuState.GsBaseOffset, 64);
        Value kernel = _b.Get(SystemPlaces.KernelGsBase, 64);
        _b.Set(CpuState.GsBaseOffset, 64, kernel);
        _b.Set(SystemPlaces.KernelGsBase, 64, user);
    }

    private void LiftInterruptFlag()
    {
        Value flags = _b.Get(CpuState.FlagsSystemOffset, 64);
        Value level = _b.Truncate(_b.Mask(_b.ShiftRight(flags, 12), 3));
        _b.RaiseIf(_b.LessSigned(level, _b.Get(SystemPlaces.Cpl, 32)), ExceptionVector.GeneralProtection);
        if (_i.Mnemonic == Mnemonic.Cli)
        {
            _b.Set(CpuState.FlagsSystemOffset, 64, _b.Mask(flags, ~(long)SystemFlags.Interrupt));
        }
        else
        {
            _b.Call(Method(typeof(InterruptFlag), nameof(InterruptFlag.Enable)), _b.Cpu(), _o.NextAddress);
        }
    }

    /// <summary>MOV to and from control and debug registers.</summary>
    private void LiftMoveSystem()
    {
        bool isControl = _i.Op0Register.IsCR() || _i.Op1Register.IsCR();
        bool isRead = _i.Op1Register.IsCR() || _i.Op1Register.IsDR();
        Type area = isControl ? typeof(ControlRegisters) : typeof(DebugRegisters);
        if (isRead)
        {
            _o.Write(0, _b.Narrow(_b.Call(Method(area, nameof(ControlRegisters.Read)), _b.Cpu(), _o.RegisterNumber(1)), _o.Width(0)));
        }
        else if (isControl)
        {
            _b.ExitCall(Method(area, nameof(ControlRegisters.Write)), _b.Cpu(), _o.RegisterNumber(0), _b.ZeroExtend(_o.Read(1)), _o.NextAddress);
        }
        else
        {
            _b.Call(Method(area, nameof(DebugRegisters.Write)), _b.Cpu(), _o.RegisterNumber(0), _b.ZeroExtend(_o.Read(1)));
        }
    }

    private bool TryPort()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.In:
                Register to = _i.Op0Register;
                Value input = _b.Call(Method(typeof(Ports), nameof(Ports.Read)), _b.Cpu(), PortOperand(1), _b.Constant32(to.GetSize()));
                _o.WriteRegister(to, _b.Narrow(input, to.GetSize() * 8));
                return true;
            case Mnemonic.Out:
                Register from = _i.Op1Register;
                _b.Call(Method(typeof(Ports), nameof(Ports.Write)), _b.Cpu(), PortOperand(0), _b.Constant32(from.GetSize()), _o.ReadRegister(from));
                return true;
            case Mnemonic.Insb:
                LiftPortString(nameof(Ports.InString), 1);
                return true;
            case Mnemonic.Insw:
                LiftPortString(nameof(Ports.InString), 2);
                return true;
            case Mnemonic.Insd:
                LiftPortString(nameof(Ports.InString), 4);
                return true;
            case Mnemonic.Outsb:
                LiftPortString(nameof(Ports.OutString), 1);
                return true;
            case Mnemonic.Outsw:
                LiftPortString(nameof(Ports.OutString), 2);
                return true;
            case Mnemonic.Outsd:
                LiftPortString(nameof(Ports.OutString), 4);
                return true;
            default:
                return false;
        }
    }

    private Value PortOperand(int operand) => _o.IsRegister(operand) ? _o.ReadRegister(Register.DX) : _o.Immediate(operand, 8);

    private void LiftPortString(string name, int bytes)
    {
        bool repeated = IsRepeated(_i);
        int flags = bytes | (UsesNarrowAddress ? Ports.Address32 : 0) | (repeated ? Ports.Repeated : 0);
        Value segment = name == nameof(Ports.OutString) ? SegmentBase() : DestinationBase();
        Value done = _b.Call(Method(typeof(Ports), name), _b.Cpu(), segment, StringFlags(flags));
        if (repeated)
        {
            _b.Branch(done, _o.NextAddress, _o.ThisAddress);
        }
    }
}
