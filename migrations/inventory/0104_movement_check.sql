-- PostgreSQL reads the text of a check anew for each statement that writes the table. For a check of this length that took as
-- long as writing the rows; a function is read once per connection. What is allowed is the same.
create function movement_is_sound(kind text, on_hand_delta bigint, allocated_delta bigint, held_delta bigint) returns boolean
language plpgsql immutable parallel safe as $$
begin
    return case
        when kind in ('received', 'returned') then on_hand_delta > 0 and allocated_delta = 0 and held_delta = 0
        when kind = 'adjusted' then on_hand_delta <> 0 and allocated_delta = 0 and held_delta = 0
        when kind = 'counted' then allocated_delta = 0 and held_delta = 0
        when kind = 'held' then on_hand_delta = 0 and allocated_delta = 0 and held_delta > 0
        when kind in ('hold_released', 'hold_expired') then on_hand_delta = 0 and allocated_delta = 0 and held_delta < 0
        when kind = 'allocated' then on_hand_delta = 0 and allocated_delta > 0 and held_delta = -allocated_delta
        when kind = 'released' then on_hand_delta = 0 and allocated_delta < 0 and held_delta = 0
        when kind = 'shipped' then on_hand_delta < 0 and allocated_delta = on_hand_delta and held_delta = 0
        else false
    end;
end
$$;
alter table movement drop constraint movement_kind_check;
alter table movement add constraint movement_kind_check
    check (movement_is_sound(kind, on_hand_delta, allocated_delta, held_delta)) not valid;
